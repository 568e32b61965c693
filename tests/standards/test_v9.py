"""ASVS V9, self-contained tokens: forged tokens at the endpoints.

The forgeries are sent over HTTP, and none may change or revoke anything.
"""

import json
from datetime import timedelta

import jwt
import pytest

from refresh_sessions.models import TokenFamily
from refresh_sessions.tokens.keys import Purpose, get_keyring
from tests.api.client import problem
from tests.standards.registry import passes
from tests.unit.forge import b64, parts, remake, sign

pytestmark = pytest.mark.django_db

REFUSED = (401, "token_not_valid")
EXPIRED = {
    "access": (401, "token_not_valid/token_expired"),
    "refresh": (403, "session_expired/absolute"),
}
KINDS = {"access": Purpose.ACCESS, "refresh": Purpose.REFRESH}


@pytest.fixture
def present(api, pair):
    """Return a function that sends a token to the endpoint of its kind and returns the outcome."""
    before = TokenFamily.objects.values().get()

    def send(kind, token):
        if kind == "access":
            answer = api.get("sessions/", access=token)
        else:
            answer = api.post("refresh/", {"refresh": token})
        if answer.status_code == 200:
            return "accepted"
        assert TokenFamily.objects.values().get() == before
        return problem(answer)

    yield send
    # The genuine tokens are still valid.
    assert send("access", pair.access) == "accepted"
    assert send("refresh", pair.refresh) == "accepted"


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def token(kind, pair):
    return getattr(pair, kind)


@passes("ASVS 9.1.1", "The signature is verified before any claim is evaluated.")
def test_asvs_9_1_1_token_with_invalid_signature_is_refused(present, kind, token):
    head, payload, signature = token.split(".")
    claims = parts(token)[1]
    expired = b64(json.dumps({**claims, "exp": 1}).encode())
    flipped = ("A" if signature[9] != "A" else "B").join([signature[:9], signature[10:]])
    for forged in (
        f"{head}.{payload}.{flipped}",
        f"{head}.{b64(json.dumps({**claims, 'gen': 2}).encode())}.{signature}",
        f"{head}.{payload}.{b64(b'0' * 32)}",
    ):
        assert present(kind, forged) == REFUSED
    # Not "expired": unsigned claims are not evaluated.
    assert present(kind, f"{head}.{expired}.{signature}") == REFUSED


@passes(
    "ASVS 9.1.2",
    "The algorithm is the key's, never the token's: no `none`, no other length, no other "
    "family of algorithms.",
)
def test_asvs_9_1_2_token_with_other_algorithm_is_refused(present, kind, token):
    header, claims = parts(token)
    secret = get_keyring(KINDS[kind]).signing.secret
    for name in ("none", "None", "nOnE"):
        text = sign({**header, "alg": name}, claims, secret=secret).rpartition(".")[0]
        for signature in ("", b64(b"x")):
            assert present(kind, f"{text}.{signature}") == REFUSED
    for name, hashing in (("HS384", "sha384"), ("HS512", "sha512"), ("ES256", "sha256")):
        forged = sign({**header, "alg": name}, claims, secret=secret, algorithm=hashing)
        assert present(kind, forged) == REFUSED


@passes(
    "ASVS 9.1.3",
    "Keys are read from the settings, selected by `kid`; a token that contains a key is refused.",
)
def test_asvs_9_1_3_token_with_own_key_is_refused(present, kind, token):
    header, claims = parts(token)
    own = b"the attacker's very own key, long"
    key = {"kty": "oct", "k": b64(own), "alg": "HS256"}
    brought = (
        {"jwk": key},
        {"jku": "https://attacker.example/jwks.json"},
        {"x5u": "https://attacker.example/cert.pem"},
        {"x5c": [b64(own)]},
    )
    for extra in brought:
        assert present(kind, sign({**header, **extra}, claims, secret=own)) == REFUSED
        # Even with a correct signature.
        assert present(kind, remake(token, KINDS[kind], header=extra)) == REFUSED
    for kid in ("unknown", "../../dev/null", "' OR 1=1 --", "", None, 7):
        assert present(kind, sign({**header, "kid": kid}, claims, secret=b"")) == REFUSED
    del header["kid"]
    assert present(kind, sign(header, claims, secret=own)) == REFUSED


@passes(
    "ASVS 9.2.1",
    "A token without `exp` is refused, and so are one after its `exp` and one before its `nbf`.",
)
def test_asvs_9_2_1_token_outside_validity_period_is_refused(present, kind, token, clock, pair):
    purpose = KINDS[kind]
    assert present(kind, remake(token, purpose, drop=["exp"])) == REFUSED
    soon = int((clock.now + timedelta(minutes=5)).timestamp())
    assert present(kind, remake(token, purpose, claims={"nbf": soon})) == REFUSED
    life = timedelta(seconds=parts(token)[1]["exp"]) - timedelta(seconds=clock.now.timestamp())
    clock.move(life + timedelta(seconds=5))
    # For a refresh token the answer names the limit, from claim and row alike.
    assert present(kind, token) == EXPIRED[kind]
    clock.move(-life - timedelta(seconds=5))


@passes(
    "ASVS 9.2.2",
    "`typ` is `at+jwt` or `rt+jwt`, and each endpoint accepts only its own.",
)
def test_asvs_9_2_2_token_of_other_type_is_refused(present, kind, token, pair):
    other = pair.refresh if kind == "access" else pair.access
    assert present(kind, other) == REFUSED
    for typ in ("JWT", "jwt", "", None, "AT+JWT", "rt+jwt" if kind == "access" else "at+jwt"):
        assert present(kind, remake(token, KINDS[kind], header={"typ": typ})) == REFUSED
    header, claims = parts(token)
    del header["typ"]
    assert present(kind, sign(header, claims, secret=get_keyring(KINDS[kind]).signing.secret)) == (
        REFUSED
    )


@passes(
    "ASVS 9.2.3",
    "`aud` must be exactly the audience of the settings, as a single value; a token without "
    "it is refused.",
)
def test_asvs_9_2_3_token_for_other_audience_is_refused(present, kind, token):
    right, purpose = parts(token)[1]["aud"], KINDS[kind]
    for audience in ("another", "", None, [right], [right, "another"], f"{right}.x", right[:-1]):
        assert present(kind, remake(token, purpose, claims={"aud": audience})) == REFUSED
    assert present(kind, remake(token, purpose, drop=["aud"])) == REFUSED


@passes(
    "ASVS 9.2.4",
    "Access and refresh tokens differ in audience, key and `kid`: neither is accepted as the "
    "other.",
)
def test_asvs_9_2_4_token_of_other_kind_is_refused(present, kind, token, pair):
    other, purpose = (pair.refresh if kind == "access" else pair.access), KINDS[kind]
    audience = parts(other)[1]["aud"]
    assert audience != parts(token)[1]["aud"]
    assert present(kind, remake(token, purpose, claims={"aud": audience})) == REFUSED
    # The other token's claims with this kind's type and key.
    (header, _), claims = parts(token), parts(other)[1]
    secret = get_keyring(purpose).signing.secret
    assert present(kind, jwt.encode(claims, secret, headers=header)) == REFUSED
    keys = {get_keyring(purpose).signing for purpose in Purpose}
    assert len({key.secret for key in keys}) == len({key.kid for key in keys}) == len(Purpose)
