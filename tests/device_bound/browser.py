"""A browser with Device Bound Session Credentials, and the parts of its proofs."""

import json
import re
from functools import lru_cache
from typing import Any

import jwt

from refresh_sessions.tokens.segments import dump_object, encode_segment
from tests.api.client import Client

REFRESH_COOKIE = "__Host-refresh_token"
BOUND_COOKIE = "__Host-device_bound"


@lru_cache
def private_key(algorithm: str = "ES256", which: int = 0) -> Any:
    """Return a private key; another one for each number."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415

    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def public_jwk(algorithm: str = "ES256", which: int = 0) -> dict[str, Any]:
    """Return the public JWK as Chromium sends it, without metadata."""
    public = private_key(algorithm, which).public_key()
    jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(public, as_dict=True)
    return {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}


def make_proof(
    challenge: Any,
    *,
    algorithm: str = "ES256",
    which: int = 0,
    with_key: bool = True,
    header: dict[str, Any] | None = None,
    claims: dict[str, Any] | None = None,
) -> str:
    """Return a signed proof; ``header`` and ``claims`` replace members, None removes them."""
    head: dict[str, Any] = {"typ": "dbsc+jwt", "alg": algorithm}
    if with_key:
        head["jwk"] = public_jwk(algorithm, which)
    head |= header or {}
    body = {"jti": challenge, **(claims or {})}
    return sign(
        {name: value for name, value in head.items() if value is not None},
        {name: value for name, value in body.items() if value is not None},
        algorithm=algorithm,
        which=which,
    )


def sign(
    header: dict[str, Any], claims: dict[str, Any], *, algorithm: str = "ES256", which: int = 0
) -> str:
    """Sign any header and claims."""
    signing_input = b"%b.%b" % tuple(encode_segment(dump_object(one)) for one in (header, claims))
    signature = jwt.get_algorithm_by_name(algorithm).sign(
        signing_input, private_key(algorithm, which)
    )
    return (signing_input + b"." + encode_segment(signature)).decode()


class Browser:
    """A browser that keeps cookies, a key and the session instructions."""

    def __init__(self, algorithm: str = "ES256", which: int = 0) -> None:
        self.http = Client()
        self.algorithm, self.which = algorithm, which
        self.challenge: str | None = None
        self.session_id: str | None = None
        self.access = ""

    @property
    def cookies(self) -> Any:
        return self.http.raw.cookies

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        answer = self.http.post(path, body, secure=True, **options)
        header = answer.headers.get("Secure-Session-Registration")
        if header is not None:
            self.challenge = read_registration(header)["challenge"]
        if "access" in (answer.json() if answer.content else {}):
            self.access = answer.json()["access"]
        return answer

    def log_in(self, credentials: dict[str, str]) -> Any:
        answer = self.post("login/", credentials)
        assert answer.status_code == 200, answer.json()
        return answer.json()

    def register(self, proof: str | None = None, **options: Any) -> Any:
        """Send the first proof of the key."""
        if proof is None:
            proof = self.make_proof(self.challenge, **options)
        answer = self.post("device/register/", headers={"Secure-Session-Response": f'"{proof}"'})
        if answer.status_code == 200:
            self.session_id = answer.json()["session_identifier"]
        return answer

    def renew(self) -> Any:
        """Renew the bound cookie as Chromium does: once without a proof, and then with it."""
        answer = self.send_refresh()
        assert answer.status_code == 403, answer.json()
        return self.send_refresh(self.make_proof(read_challenge(answer), with_key=False))

    def send_refresh(self, proof: str | None = None, *, session_id: str | None = None) -> Any:
        headers = {"Sec-Secure-Session-Id": f'"{session_id or self.session_id}"'}
        if proof is not None:
            headers["Secure-Session-Response"] = f'"{proof}"'
        return self.post("device/refresh/", headers=headers)

    def make_proof(self, challenge: Any, **options: Any) -> str:
        options = {"algorithm": self.algorithm, "which": self.which, **options}
        return make_proof(challenge, **options)

    def copy_cookies(self, *names: str) -> "Browser":
        """Return another browser with copies of these cookies and another key."""
        other = Browser(which=self.which + 100)
        for name in names:
            other.cookies[name] = self.cookies[name].value
        return other


def read_registration(header: str) -> dict[str, str]:
    """Parse ``Secure-Session-Registration``."""
    match = re.fullmatch(r'\(ES256 RS256\);path="([^"]+)";challenge="([^"]+)"', header)
    assert match, header
    return {"path": match[1], "challenge": match[2]}


def read_challenge(answer: Any) -> str:
    """Parse ``Secure-Session-Challenge``."""
    match = re.fullmatch(r'"([^"]+)";id="([0-9a-f-]{36})"', answer["Secure-Session-Challenge"])
    assert match, answer["Secure-Session-Challenge"]
    return match[1]


def has_cookie(answer: Any, name: str = BOUND_COOKIE) -> bool:
    """Whether an answer sets a cookie, and does not delete it."""
    return name in answer.cookies and answer.cookies[name].value != ""


def is_deleted(answer: Any, name: str = BOUND_COOKIE) -> bool:
    """Whether an answer deletes a cookie."""
    return name in answer.cookies and answer.cookies[name].value == ""


def dump(value: Any) -> bytes:
    """Encode any JSON, also with members that are repeated or not finite."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()
