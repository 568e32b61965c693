"""ASVS V7.1 to V7.3, sessions: documentation, tokens, timeouts."""

import base64
import re
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from django.test import Client as Browser

from refresh_sessions import presets
from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import refresh_session, revoke_user_sessions
from refresh_sessions.tokens import codec
from tests.api.client import Client, problem
from tests.domain.client_actions import call, family_of, refused, session_of
from tests.factories import UserFactory, make_pair
from tests.standards.page import PAGE, limits
from tests.standards.registry import deviates, passes
from tests.unit.forge import b64, parts

pytestmark = pytest.mark.django_db

PACKAGE = Path(__file__).parents[2] / "refresh_sessions"
TEXT = PAGE.read_text(encoding="utf-8")
SECOND = timedelta(seconds=1)
UNITS = {"day": timedelta(days=1), "hour": timedelta(hours=1), "minute": timedelta(minutes=1)}


def documented(limit: str) -> timedelta:
    """Parse the default from the table of limits."""
    row = re.search(rf"^\| {limit} \| (\d+) (\w+?)s? \|", "\n".join(limits()), re.MULTILINE)
    assert row, limit
    return int(row[1]) * UNITS[row[2]]


@passes(
    "ASVS 7.1.1",
    "[Limits](#limits) on this page: hard limit, idle limit and lifetime of an access token, "
    "and why they exceed the recommendations of NIST.",
)
def test_asvs_7_1_1_documented_limits_are_in_force(pair, clock):
    session = session_of(pair)
    assert session.expires_at - session.created_at == documented("hard limit of a session")
    idle = family_of(pair).idle_expires_at - session.created_at
    assert idle == documented("idle limit")
    issued = parts(pair.access)[1]
    assert issued["exp"] - issued["iat"] == documented("access token").total_seconds()
    assert "800-63B-4" in TEXT


@passes(
    "ASVS 7.1.2",
    "200 sessions per user by default; `MAX_SESSIONS_PER_USER` sets another number, and "
    "`ON_SESSION_LIMIT` selects whether the oldest session is revoked or the login is "
    "refused.",
)
def test_asvs_7_1_2_session_limit_works_as_documented(api, credentials, login, options, user):
    assert "| sessions at a time | `200` |" in "\n".join(limits())
    live = DeviceSession.objects.active().for_user(user).order_by("created_at")
    for _ in range(4):
        login()
    assert live.count() == 4
    first = live.first()
    options(MAX_SESSIONS_PER_USER=4)
    login()
    assert live.count() == 4
    assert first not in live.all()
    options(ON_SESSION_LIMIT="deny")
    answer = Client(REMOTE_ADDR="203.0.113.9").post("login/", credentials)
    assert problem(answer) == (403, "session_limit_reached")
    assert live.count() == 4


@passes(
    "ASVS 7.1.3",
    "[Other sessions](#other-sessions) on this page describes Django's own sessions and those "
    "of an identity provider, and which event ends which session.",
)
def test_asvs_7_1_3_django_session_is_independent_of_device_session(client):
    assert "## Other sessions" in TEXT
    user = UserFactory(is_staff=True)
    pair = make_pair(user)
    browser = Browser()
    browser.force_login(user)
    revoke_user_sessions(user, reason="admin")
    assert call(pair) == "session_revoked"
    assert browser.get("/admin/").status_code == 200
    # Neither session is valid in place of the other.
    assert browser.get("/who-am-i/").status_code == 401
    pair = make_pair(user)
    authorization = {"authorization": f"Bearer {pair.access}"}
    assert client.get("/admin/", headers=authorization).status_code == 302
    # A password change ends both.
    user.set_password("another one")
    user.save()
    assert call(pair) == "session_revoked"
    assert browser.get("/admin/").status_code == 302


@passes(
    "ASVS 7.2.1",
    "The server verifies every token itself, and the package never reads an unverified token.",
)
def test_asvs_7_2_1_unverified_token_is_refused(client, pair, bearer, monkeypatch):
    parse = mock.Mock(wraps=codec.load_object)
    monkeypatch.setattr(codec, "load_object", parse)
    for signature in ("", b64(b"x" * 32), pair.refresh.rpartition(".")[2]):
        unsigned = f"{pair.access.rpartition('.')[0]}.{signature}"
        assert client.get("/who-am-i/", headers=bearer(unsigned)).status_code == 401
    parse.assert_not_called()
    sources = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    assert not re.search(r"verify_signature\b|get_unverified_header|jwt\.decode", sources)
    assert client.get("/who-am-i/", headers=bearer(pair)).status_code == 200
    parse.assert_called_once()


@passes("ASVS 7.2.2", "Each login and each refresh issues new tokens; there is no API key.")
def test_asvs_7_2_2_login_or_refresh_issues_new_tokens(login, clock):
    first, second = login(), login()
    third = refresh_session(second["refresh"])
    tokens = [first["access"], first["refresh"], second["access"], second["refresh"]]
    assert len({*tokens, third.access, third.refresh}) == 6
    # Every token has an expiry.
    assert all(parts(token)[1]["exp"] > clock.now.timestamp() for token in tokens)


@passes(
    "ASVS 7.2.3", "128 random bits: the secret of each family, and the `jti` of access tokens."
)
def test_asvs_7_2_3_secrets_have_128_random_bits(user):
    pairs = [make_pair(user) for _ in range(20)]
    for name in ("refresh", "access"):
        claim = {"refresh": "secret", "access": "jti"}[name]
        values = [parts(getattr(pair, name))[1][claim] for pair in pairs]
        raw = [base64.urlsafe_b64decode(f"{value}==") for value in values]
        assert {len(value) for value in raw} == {16}
        assert len(set(raw)) == len(raw)
        # No bit is constant, unlike the version bits of a UUID.
        seen = [int.from_bytes(value) for value in raw]
        always, ever = 2**128 - 1, 0
        for value in seen:
            always, ever = always & value, ever | value
        assert (always.bit_count(), (2**128 - 1 - ever).bit_count()) < (4, 4)


@deviates(
    "ASVS 7.3.1",
    "A session that is unused for a period shorter than its hard limit requires a new login.",
    why="By default the idle limit equals the hard limit, seven days, and has no effect: users "
    "expect an app to keep them logged in.",
    letter=presets.AAL2,
    remedy="`**presets.AAL2`, or a `REFRESH_TOKEN_LIFETIME` shorter than `SESSION_LIFETIME`",
)
def test_asvs_7_3_1_idle_session_expires(by_letter, clock, user):
    just, late, busy = make_pair(user), make_pair(user), make_pair(user)
    clock.move(timedelta(hours=1) - SECOND)
    assert refresh_session(just.refresh).refresh
    busy = refresh_session(busy.refresh)
    clock.move(SECOND)
    if by_letter:
        assert refused(late.refresh) == "session_expired/idle"
    else:
        assert refresh_session(late.refresh).refresh
    # A refresh resets the idle limit.
    clock.move(timedelta(minutes=58))
    assert refresh_session(busy.refresh).refresh


@passes(
    "ASVS 7.3.2",
    "The hard limit is set at login; no refresh moves it, and no token outlives it.",
)
def test_asvs_7_3_2_refresh_keeps_hard_limit(clock, options, pair):
    options(REFRESH_TOKEN_LIFETIME=timedelta(days=3))
    limit, current = session_of(pair).expires_at, pair
    while clock.now + timedelta(days=2) < limit:
        clock.move(timedelta(days=2))
        current = refresh_session(current.refresh)
        assert session_of(pair).expires_at == limit
        assert current.refresh_expires_at <= limit
    clock.move(limit - clock.now - SECOND)
    current = refresh_session(current.refresh)
    assert max(current.access_expires_at, current.refresh_expires_at) <= limit
    assert call(current) == "ok"
    clock.move(SECOND)
    assert refused(current.refresh) == "session_expired/absolute"
    assert call(current) == "token_not_valid/token_expired"
