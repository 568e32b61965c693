"""What RFCs, NIST and the OWASP cheat sheets ask for beside the ASVS."""

import string
from datetime import timedelta

import pytest

from refresh_sessions import presets
from refresh_sessions.sessions import refresh_session, revoke_session
from refresh_sessions.tokens.keys import Purpose, get_keyring
from tests.api.client import problem
from tests.domain.stories import AFTER_OVERLAP, call, family_of, refused, session_of
from tests.factories import make_pair
from tests.standards.registry import beyond, deviates, passes
from tests.unit.forge import parts, remake, sign

pytestmark = pytest.mark.django_db


@passes("RFC 8725 §3.1", "A key has one algorithm and serves no other, also with its own secret.")
def test_rfc_8725_3_1_one_key_has_one_algorithm(api, pair):
    header, claims = parts(pair.access)
    key = get_keyring(Purpose.ACCESS).signing
    assert header["alg"] == key.algorithm
    for name, hashing in (("HS384", "sha384"), ("HS512", "sha512"), ("HS256", "sha512")):
        forged = sign({**header, "alg": name}, claims, secret=key.secret, algorithm=hashing)
        answer = api.get("sessions/", access=forged)
        assert problem(answer) == (401, "token_not_valid")
    assert call(pair) == "ok"


@passes(
    "RFC 8725bis",
    "A token is three parts of base64url and nothing else, each in its one spelling: padding, "
    "white space, other alphabets and spare bits are refused.",
)
def test_rfc_8725bis_a_token_has_one_spelling(api, pair):
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    for token, path in ((pair.access, None), (pair.refresh, "refresh/")):
        head, payload, signature = token.split(".")
        # The last character of 32 bytes has two bits to spare.
        spare = alphabet[alphabet.index(signature[-1]) ^ 1]
        spellings = (
            *(f"{token}=", f"{token}==", f"{token}.", f".{token}", f"{head}..{signature}"),
            *(f"{head}=.{payload}.{signature}", f"{head}.{payload}=.{signature}"),
            *(f"{token}%3D", f"{head}.{payload}.{signature[:-1]}{spare}"),
            *(f"{head}.{payload}.+{signature[1:]}", f"{head}.{payload}./{signature[1:]}"),
        )
        for spelling in spellings:
            if path:
                answer = api.post(path, {"refresh": spelling})
            else:
                answer = api.get("sessions/", access=spelling)
            assert problem(answer) == (401, "token_not_valid"), spelling.replace(token, "…")
    assert call(pair) == "ok"


@passes(
    "RFC 9470 §3",
    "A proof of identity that is too old is a 401 with "
    '`error="insufficient_user_authentication"` and the `max_age` that is asked for.',
)
def test_rfc_9470_3_the_challenge_says_what_is_missing(api, pair, clock, options):
    options(REAUTHENTICATION_MAX_AGE=timedelta(minutes=2))
    clock.move(timedelta(minutes=2, seconds=1))
    answer = api.post("sessions/branch/", access=pair.access)
    assert problem(answer) == (401, "reauthentication_required")
    assert answer["WWW-Authenticate"] == (
        'Bearer realm="api", error="insufficient_user_authentication", max_age="120"'
    )


@passes(
    "RFC 9700 §4.14.2 idle",
    "A refresh token that nobody uses expires (`REFRESH_TOKEN_LIFETIME`, seven days).",
)
def test_rfc_9700_4_14_2_idle_refresh_tokens_expire(pair, clock, options):
    clock.move(timedelta(days=7))
    assert refused(pair.refresh) == "session_expired/absolute"
    # Where a session may last longer, use keeps its token alive, and nothing else does.
    options(SESSION_LIFETIME=timedelta(days=90))
    pair = make_pair(pair.session.user)
    for days in (6, 6):
        clock.move(timedelta(days=days))
        pair = refresh_session(pair.refresh)
        assert call(pair) == "ok"
    clock.move(timedelta(days=7))
    assert refused(pair.refresh) == "session_expired/idle"


@passes(
    "OWASP JWT CS",
    "No list of revoked tokens, so nothing to slip past: a session is ended, and every token of "
    "it with it, however it is spelt or signed anew.",
)
def test_owasp_jwt_cs_an_end_is_not_tied_to_the_text_of_a_token(pair):
    twins = [
        remake(pair.access, Purpose.ACCESS, claims={"jti": "AAAAAAAAAAAAAAAAAAAAAA"}),
        remake(pair.access, Purpose.ACCESS, header={"extra": "1"}),
    ]
    assert len({pair.access, *twins}) == 3
    assert {call(type("Twin", (), {"access": twin})) for twin in twins} == {"ok"}
    revoke_session(pair.session, reason="admin")
    for token in (pair.access, *twins):
        assert call(type("Twin", (), {"access": token})) == "session_revoked"
    assert refused(remake(pair.refresh, Purpose.REFRESH, header={"a": 1})) == "session_revoked"


@passes(
    "SP 800-63B-4 §5.1",
    "128 random bits per family; a refresh vouches for nothing more than the sign-in did, and for "
    "nothing at all where an answer was lost.",
)
def test_sp_800_63b_4_5_1_no_refresh_raises_what_was_proven(user, clock):
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
    "With the cookie transport: Secure, HttpOnly, for one host and path, SameSite, and it expires "
    "no later than the session.",
)
@pytest.mark.usefixtures("cookies")
def test_sp_800_63b_4_5_1_1_cookies_are_confined(api, credentials, clock):
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
    "At AAL2 a session ends after 24 hours, and after one without activity; each new proof of "
    "identity begins both anew.",
    why="Seven days for both by default: inside what AAL1 asks, not AAL2. And no proof of "
    "identity moves the hard limit of a session, at any level: who signs in again begins a new "
    "one.",
    letter=presets.AAL2,
    remedy="`**presets.AAL2` or `**presets.AAL3`, and a new sign-in where both limits are to "
    "begin anew",
)
def test_sp_800_63b_4_5_2_either_limit_ends_the_session(by_letter, user, clock):
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
    "The signal `session_revoked` has session, reason and author after the commit; what a project "
    "sends to others is its own.",
)
beyond("DBSC", "Not built in: browsers that bind sessions to a device are few as yet.")
