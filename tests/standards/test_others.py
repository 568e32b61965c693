"""Items of NIST and the OWASP cheat sheets that the ASVS lacks."""

from datetime import timedelta

import pytest

from refresh_sessions import presets
from refresh_sessions.sessions import refresh_session, revoke_session
from refresh_sessions.tokens.keys import Purpose
from tests.domain.client_actions import AFTER_OVERLAP, call, family_of, refused, session_of
from tests.factories import make_pair
from tests.keys import entry
from tests.standards.registry import beyond, deviates, passes
from tests.unit.forge import b64, parts, remake, unb64

pytestmark = pytest.mark.django_db


@passes(
    "OWASP JWT CS",
    "Revocation does not depend on a list of token texts: a revoked session invalidates each "
    "of its tokens, also one that was signed again or has the second valid ES256 signature.",
)
@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
def test_owasp_jwt_cs_revoked_session_modified_token_is_refused(user, options, algorithm):
    if algorithm == "ES256":
        pytest.importorskip("cryptography", reason="the extra crypto is not installed")
        options(KEYS=[entry(algorithm)])
    pair = make_pair(user)
    if algorithm == "ES256":
        modified = with_alternative_signature(pair.access)
    else:
        modified = remake(pair.access, Purpose.ACCESS, claims={"jti": "AAAAAAAAAAAAAAAAAAAAAA"})
    assert modified != pair.access
    holders = [type("Holder", (), {"access": token}) for token in (pair.access, modified)]
    assert [call(each) for each in holders] == ["ok"] * 2
    revoke_session(pair.session, reason="admin")
    assert [call(each) for each in holders] == ["session_revoked"] * 2
    assert refused(remake(pair.refresh, Purpose.REFRESH, header={"a": 1})) == "session_revoked"


def with_alternative_signature(token: str) -> str:
    """Return the token with the second valid ECDSA signature, (r, n - s) for (r, s)."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    text, _, signature = token.rpartition(".")
    raw = unb64(signature)
    modified = order - int.from_bytes(raw[32:], "big")
    return f"{text}.{b64(raw[:32] + modified.to_bytes(32, 'big'))}"


@passes(
    "SP 800-63B-4 §5.1",
    "128 random bits per family. A refresh never raises the authentication level of the "
    "login; after a recovery the access token has no authentication claims.",
)
def test_sp_800_63b_4_5_1_refresh_keeps_authentication_claims(user, clock):
    pair = make_pair(user, methods=("pwd",))
    assert len(parts(pair.refresh)[1]["secret"]) * 6 >= 64
    at_sign_in = parts(pair.access)[1]
    for _ in range(3):
        clock.move(timedelta(hours=5))
        used, pair = pair, refresh_session(pair.refresh)
        claims = parts(pair.access)[1]
        assert (claims["auth_time"], claims["amr"]) == (at_sign_in["auth_time"], ["pwd"])
    clock.move(AFTER_OVERLAP)
    recovered = refresh_session(used.refresh)
    claims = parts(recovered.access)[1]
    assert "auth_time" not in claims
    assert claims["amr"] == []


@passes(
    "SP 800-63B-4 §5.1.1",
    "With the cookie transport: Secure, HttpOnly, one host and path, SameSite, and an expiry "
    "no later than the session's.",
)
@pytest.mark.usefixtures("cookies")
def test_sp_800_63b_4_5_1_1_refresh_cookie_has_restrictive_attributes(api, credentials, clock):
    cookie = api.post("login/", credentials).cookies["__Host-refresh_token"]
    assert cookie["secure"]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Strict", "/", "")
    assert 0 < int(cookie["max-age"]) <= timedelta(days=7).total_seconds()
    text = cookie.value
    assert session_of_cookie(text).expires_at.timestamp() >= parts(text)[1]["exp"]


def session_of_cookie(token):
    return session_of(refresh_session(token))


@deviates(
    "SP 800-63B-4 §5.2",
    "At AAL2 a session ends after 24 hours, and after one hour without activity; each "
    "re-authentication starts both limits again.",
    why="Both limits are seven days by default, within AAL1 but not AAL2. Re-authentication never "
    "moves the hard limit of a session; a new login opens a new session.",
    letter=presets.AAL2,
    remedy="`**presets.AAL2` or `**presets.AAL3`, and a new login to start both limits again",
)
def test_sp_800_63b_4_5_2_session_at_either_limit_expires(by_letter, user, clock):
    idle, busy = make_pair(user), make_pair(user)
    start = clock.now
    while clock.now - start < timedelta(hours=23, minutes=30):
        clock.move(timedelta(minutes=30))
        busy = refresh_session(busy.refresh)
    clock.move(timedelta(minutes=30))
    if not by_letter:
        assert refresh_session(idle.refresh).refresh
        assert refresh_session(busy.refresh).refresh
        return
    assert refused(idle.refresh) == "session_expired/absolute"
    assert refused(busy.refresh) == "session_expired/absolute"
    again = make_pair(user)
    assert session_of(again).expires_at == clock.now + timedelta(hours=24)
    assert family_of(again).idle_expires_at == clock.now + timedelta(hours=1)
    clock.move(timedelta(hours=1))
    assert refused(again.refresh) == "session_expired/idle"


beyond(
    "CAEP",
    "The signal `session_revoked` has session, reason and actor, after the commit; a project "
    "sends its own notifications.",
)
beyond(
    "DBSC",
    "With the refresh token in a cookie, `DEVICE_BOUND_SESSIONS` lets browsers bind sessions to a "
    "key of the device: `tests/device_bound`, and `tests/browser/test_device_sessions.py` in "
    "Chromium.",
)
