"""Items of RFCs that the ASVS lacks."""

import base64
import hashlib
import string
from datetime import timedelta

import jwt
import pytest

from refresh_sessions.sessions import refresh_session, revoke_session
from refresh_sessions.tokens.keys import Purpose, get_keyring
from tests.api.client import problem
from tests.domain.client_actions import call, refused
from tests.factories import make_pair
from tests.keys import entry, public_pem
from tests.standards.registry import passes
from tests.unit.forge import parts, sign

pytestmark = pytest.mark.django_db


@passes(
    "RFC 8725 §3.1", "A key has one algorithm and verifies no other, not even with its own secret."
)
@pytest.mark.parametrize("algorithm", ["HS256", "ES256", "PS256"])
def test_rfc_8725_3_1_token_with_other_algorithm_is_refused(api, user, options, algorithm):
    if algorithm != "HS256":
        pytest.importorskip("cryptography", reason="the extra crypto is not installed")
        options(KEYS=[entry(algorithm), "SECRET_KEY"])
    pair = make_pair(user)
    header, claims = parts(pair.access)
    assert header["alg"] == algorithm
    # The attacker may try the published public key as an HMAC secret.
    secret = get_keyring(Purpose.ACCESS).signing.secret
    known = secret if isinstance(secret, bytes) else public_pem(algorithm).encode()
    others = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512", "RS256": "sha256"}
    for name, hashing in others.items():
        if name != algorithm:
            forged = sign({**header, "alg": name}, claims, secret=known, algorithm=hashing)
            answer = api.get("sessions/", access=forged)
            assert problem(answer) == (401, "token_not_valid"), name
    assert call(pair) == "ok"


@passes(
    "RFC 8725bis",
    "A token is three parts of base64url, each in its canonical encoding: padding, white "
    "space, other alphabets and spare bits are refused.",
)
def test_rfc_8725bis_token_in_other_encoding_is_refused(api, pair):
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    for token, path in ((pair.access, None), (pair.refresh, "refresh/")):
        head, payload, signature = token.split(".")
        # The last character of 32 bytes has two unused bits.
        spare = alphabet[alphabet.index(signature[-1]) ^ 1]
        spellings = (
            *(f"{token}=", f"{token}==", f"{token}.", f".{token}", f"{head}..{signature}"),
            *(f"{head}=.{payload}.{signature}", f"{head}.{payload}=.{signature}"),
            *(f"{token}%3D", f"{head}.{payload}.{signature[:-1]}{spare}"),
            *(f"{head}.{payload}.+{signature[1:]}", f"{head}.{payload}./{signature[1:]}"),
            *(f"{head}.{payload} .{signature}", f"{head}.\n{payload}.{signature}"),
        )
        if path:
            # In a header this is white space around the token and not part of it.
            spellings += (f"{token}\n", f"\t{token}", f" {token} ")
        for spelling in spellings:
            if path:
                answer = api.post(path, {"refresh": spelling})
            else:
                answer = api.get("sessions/", access=spelling)
            assert problem(answer) == (401, "token_not_valid"), spelling.replace(token, "…")
    assert call(pair) == "ok"


@passes(
    "RFC 9470 §3",
    "If the re-authentication is too old, the answer is 401 with "
    '`error="insufficient_user_authentication"` and the required `max_age`.',
)
def test_rfc_9470_3_stale_authentication_challenge_has_max_age(api, pair, clock, options):
    options(REAUTHENTICATION_MAX_AGE=timedelta(minutes=2))
    clock.move(timedelta(minutes=2, seconds=1))
    answer = api.post("sessions/branch/", {"refresh": pair.refresh}, access=pair.access)
    assert problem(answer) == (401, "reauthentication_required")
    assert answer["WWW-Authenticate"] == (
        'Bearer realm="api", error="insufficient_user_authentication", max_age="120"'
    )


@passes(
    "RFC 9700 §4.14.2 idle",
    "An unused refresh token expires (`REFRESH_TOKEN_LIFETIME`, seven days).",
)
def test_rfc_9700_4_14_2_idle_refresh_token_expires(pair, clock, options):
    clock.move(timedelta(days=7))
    assert refused(pair.refresh) == "session_expired/absolute"
    # With a longer session lifetime each refresh extends the idle limit.
    options(SESSION_LIFETIME=timedelta(days=90))
    pair = make_pair(pair.session.user)
    for days in (6, 6):
        clock.move(timedelta(days=days))
        pair = refresh_session(pair.refresh)
        assert call(pair) == "ok"
    clock.move(timedelta(days=7))
    assert refused(pair.refresh) == "session_expired/idle"


@passes(
    "RFC 7009 §2.2",
    "`POST revoke/` revokes the session of an access or refresh token; for any other text the "
    "answer is the same 200.",
)
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_rfc_7009_2_2_revoke_answer_is_equal_for_any_token(api, user, kind):
    pair, other = make_pair(user), make_pair(user)
    forged = f"{pair.refresh[:-4]}AAAA"
    for token in ("garbage", forged, getattr(pair, kind), getattr(pair, kind)):
        answer = api.raw.post("/auth/revoke/", {"token": token}, format="json")
        assert (answer.status_code, answer.content) == (200, b"")
        assert call(other) == "ok"
    assert (call(pair), refused(pair.refresh)) == ("session_revoked", "session_revoked")


@passes(
    "RFC 7517",
    "`GET jwks.json` has the public part of each asymmetric key, with `kid`, `alg` and `use`, "
    "and never a symmetric key.",
)
def test_rfc_7517_jwks_contains_public_keys_only(client, options, user):
    assert client.get("/auth/jwks.json").status_code == 404
    pytest.importorskip("cryptography", reason="the extra crypto is not installed")
    options(KEYS=[entry("ES256"), entry("EdDSA"), entry("PS256"), entry("HS256"), "SECRET_KEY"])
    keys = client.get("/auth/jwks.json").json()["keys"]
    assert [(key["alg"], key["use"]) for key in keys] == [
        *(("ES256", "sig"), ("EdDSA", "sig"), ("PS256", "sig")),
    ]
    assert {key["kty"] for key in keys} == {"EC", "OKP", "RSA"}
    secret = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
    assert not [key for key in keys if secret & set(key)]
    # The published key verifies a signed token.
    token = make_pair(user).access
    (key,) = [key for key in keys if key["kid"] == parts(token)[0]["kid"]]
    claims = jwt.decode(
        token, jwt.PyJWK(key), algorithms=["ES256"], audience="refresh_sessions.access"
    )
    assert claims["sub"] == str(user.pk)


@passes(
    "RFC 7662 §2.2",
    "`POST introspect/` answers only the services of `INTROSPECTION_CLIENTS`, and for an "
    "invalid token only `active: false`.",
)
def test_rfc_7662_2_2_inactive_token_introspection_tells_only_inactive(api, user, options):
    pair, ended = make_pair(user), make_pair(user)
    revoke_session(ended.session, reason="admin")
    body = {"token": pair.access}
    assert problem(api.post("introspect/", body)) == (404, "not_found")
    options(INTROSPECTION_CLIENTS={"billing": hashlib.sha256(b"secret").hexdigest()})
    assert api.raw.post("/auth/introspect/", body, format="json").status_code == 401
    headers = {"authorization": f"Basic {base64.b64encode(b'billing:secret').decode()}"}
    assert api.post("introspect/", body, headers=headers).json()["active"] is True
    for token in (ended.access, "garbage", f"{pair.access[:-4]}AAAA", pair.refresh):
        answer = api.post("introspect/", {"token": token}, headers=headers)
        assert answer.json() == {"active": False}
