"""``docs/api.md`` against ``__all__`` and against the imports that the documentation shows."""

import ast
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from asgiref.sync import iscoroutinefunction

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

TWINNED = "refresh_sessions.sessions"
"""The module whose functions have async twins."""

OPTIONAL = {"refresh_sessions.client": "filelock", "refresh_sessions.identity.otp": "django_otp"}

MODULES = frozenset(
    {"refresh_sessions.urls", "refresh_sessions.urls_pages", "refresh_sessions.presets"}
)
"""Modules that projects name as a whole."""


def read_tiers() -> dict[str, set[str]]:
    """The public names of each module on the page."""
    found = {}
    for section in PAGE.split("\n### ")[1:]:
        module = re.match(r"`([\w.]+)`\n", section)
        assert module, section
        listed = section.partition("\n## ")[0].split("\n\n")[-1]
        found[module[1]] = set(re.findall(r"`(\w+)`", listed))
    return found


TIERS = read_tiers()


def twins(module: str) -> set[str]:
    if module != TWINNED:
        return set()
    return {f"a{name}" for name in TIERS[module] if name[0].islower()}


@pytest.mark.parametrize("module", sorted(TIERS))
def test_page_lists_all_public_names(module):
    if module in OPTIONAL and not find_spec(OPTIONAL[module]):
        pytest.skip(f"needs {OPTIONAL[module]}")
    imported = import_module(module)
    assert set(imported.__all__) - twins(module) == TIERS[module]
    assert all(hasattr(imported, name) for name in imported.__all__)


def test_public_functions_of_sessions_have_async_twins():
    sessions = import_module(TWINNED)
    assert twins(TWINNED) <= set(sessions.__all__)
    assert all(iscoroutinefunction(getattr(sessions, name)) for name in twins(TWINNED))


def shown_imports(page: Path) -> set[tuple[str, str]]:
    """What the Python blocks of a page import from the package."""
    found = set()
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {(node.module, alias.name) for alias in node.names}
    return {(module, name) for module, name in found if module.startswith("refresh_sessions")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documentation_imports_public_names_only(page):
    internal = {
        f"{module}.{name}"
        for module, name in shown_imports(page)
        if name not in TIERS.get(module, set()) | twins(module)
        and f"{module}.{name}" not in MODULES | TIERS.keys()
    }
    assert not internal


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documentation_names_public_paths_only(page):
    """Dotted paths of classes, as settings take them."""
    text = page.read_text(encoding="utf-8")
    internal = {
        path
        for path in re.findall(r"\brefresh_sessions(?:\.\w+)+\.[A-Z]\w+", text)
        if not re.fullmatch(r"refresh_sessions\.[EW]\d{3}", path)
        and path.rpartition(".")[2] not in TIERS.get(path.rpartition(".")[0], set())
    }
    assert not internal
