"""``type()`` of a lazy user is not the user model; ``user.__class__`` is."""

import ast
from pathlib import Path

import refresh_sessions

USERS = {"account", "actor", "by", "owner", "person", "staff", "user"}

_PACKAGE = Path(refresh_sessions.__file__).parent


def types_of_users(source: str) -> list[str]:
    """Return the calls of ``type()`` on a name that looks like a user."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        ast.unparse(call)
        for call in calls
        if ast.unparse(call.func) == "type"
        and len(call.args) == 1
        and ast.unparse(call.args[0]).rpartition(".")[2] in USERS
    ]


def test_modules_never_call_type_of_a_user():
    # This module must distinguish lazy users from others.
    modules = [path for path in _PACKAGE.rglob("*.py") if path.name != "lazy_users.py"]
    assert len(modules) > 100
    found = {path.name: types_of_users(path.read_text(encoding="utf-8")) for path in modules}
    assert {name: calls for name, calls in found.items() if calls} == {}


def test_type_call_on_a_user_is_detected():
    source = "type(user)\ntype(self.session.user)\ntype(name, (user,), {})\ntype(users)\n"
    assert types_of_users(source) == ["type(user)", "type(self.session.user)"]
