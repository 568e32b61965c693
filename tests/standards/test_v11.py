"""ASVS V11, cryptography: keys and their rotation."""

import ast
import re
import stat
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.utils import get_random_secret_key
from django.test import override_settings

from refresh_sessions.sessions import refresh_session
from refresh_sessions.tokens.keys.model import ALGORITHMS
from tests.domain.client_actions import AFTER_OVERLAP, call, refused
from tests.factories import make_pair
from tests.standards.page import PAGE
from tests.standards.registry import passes
from tests.unit.forge import parts

pytestmark = pytest.mark.django_db

KEYS = (PAGE.parent / "keys.md").read_text(encoding="utf-8")
STAGES = ("Write it down", "The command", "Change a key", "A key has leaked")


def make_key(*arguments: str) -> dict[str, str]:
    """Run the command and return the printed entry of ``KEYS``."""
    out = StringIO()
    call_command("manage_session_keys", *arguments, stdout=out)
    (entry,) = re.findall(r"\{'algorithm'.*\}", out.getvalue())
    return dict(ast.literal_eval(entry))


@passes(
    "ASVS 11.1.1",
    "[Keys](keys.md) documents the lifecycle: kinds of keys, generation, rotation, removal, "
    "and the response to a leak; a command supports each step.",
)
@pytest.mark.parametrize(("setting", "algorithm"), [("KEYS", "HS256"), ("REFRESH_KEYS", "HS512")])
def test_asvs_11_1_1_key_lifecycle_works_as_documented(
    tmp_path, options, user, clock, setting, algorithm
):
    for stage in STAGES:
        assert f"\n## {stage}\n" in KEYS
    for name in ALGORITHMS:
        assert name in KEYS
    # Generate a key, use it, rotate to another as documented, remove the first.
    chosen = ("--setting", setting, "--file")
    first = make_key("generate", *chosen, str(tmp_path / "1"), "--algorithm", algorithm)
    assert stat.S_IMODE((tmp_path / "1").stat().st_mode) == 0o600
    options(**{setting: [first]})
    pair = make_pair(user)
    second = make_key("rotate", *chosen, str(tmp_path / "2"))
    kids = set()
    for keys in ([first, second], [second, first]):
        options(**{setting: keys})
        assert call(pair) == "ok"
        pair = refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        kids |= {parts(pair.access)[0]["kid"], parts(pair.refresh)[0]["kid"]}
    options(**{setting: [second]})
    assert call(pair) == "ok"
    assert len(kids) == 3, "one of the other kind of token, and two of this"
    # The second key leaked: without its entry its signatures are invalid.
    options(**{setting: [first]})
    refusal = call(pair) if setting == "KEYS" else refused(pair.refresh)
    assert refusal == "token_not_valid"


@passes(
    "ASVS 11.2.2",
    "Rotation of keys and algorithms logs no user out: the new key signs, the old one "
    "verifies until its removal.",
)
@pytest.mark.parametrize("algorithm", ["HS256", "ES256", "EdDSA"])
def test_asvs_11_2_2_key_rotation_to_other_algorithm_keeps_sessions(
    algorithm, tmp_path, options, settings, user, clock
):
    old = make_pair(user)
    if algorithm == "HS256":
        new_key = get_random_secret_key()
        before = {"SECRET_KEY": new_key, "SECRET_KEY_FALLBACKS": [settings.SECRET_KEY]}
        after = {"SECRET_KEY": new_key}
    else:
        pytest.importorskip("cryptography", reason="the extra crypto is not installed")
        entry = make_key("generate", "--algorithm", algorithm, "--file", str(tmp_path / "key"))
        before = {"REFRESH_SESSIONS": {"KEYS": [entry, "SECRET_KEY"]}}
        after = {"REFRESH_SESSIONS": {"KEYS": [entry]}}
    with override_settings(**before):
        assert call(old) == "ok"
        new = refresh_session(old.refresh)
        assert parts(new.access)[0]["alg"] == algorithm
        assert parts(new.access)[0]["kid"] != parts(old.access)[0]["kid"]
    with override_settings(**after):
        assert call(old) == "token_not_valid"
        assert call(new) == "ok"
