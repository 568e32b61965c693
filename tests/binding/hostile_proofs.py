"""Hostile proofs: each differs from a genuine one in one way that makes it invalid."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.binding.keys import ClientKey
from tests.unit.forge import b64

OTHER = ClientKey(number=1)
NOW = time.time


@dataclass(frozen=True)
class Target:
    """The endpoint that the proofs are for, and the key that it requires."""

    key: ClientKey
    path: str
    method: str = "POST"

    def proof(self, **options: Any) -> str:
        return self.key.proof(self.path, method=self.method, **options)

    def claims(self) -> dict[str, Any]:
        claims: dict[str, Any] = json.loads(_decode(self.proof().split(".")[1]))
        return claims


def hostile_proofs(target: Target, *, bound: bool = True) -> Iterator[tuple[str, str]]:
    """Yield a name and a proof.

    Args:
        target: the endpoint, and the key of the session.
        bound: whether the endpoint requires that key; a login accepts any.

    """
    yield from _texts(target)
    yield from _headers(target)
    yield from _keys(target)
    yield from _signatures(target)
    yield from _claims(target)
    yield from _requests(target)
    if bound:
        yield from _other_keys(target)


def _decode(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _texts(target: Target) -> Iterator[tuple[str, str]]:
    header, payload, signature = target.proof().split(".")
    genuine = f"{header}.{payload}.{signature}"
    yield "an empty header", ""
    yield "no JWT", "nonsense"
    yield "two segments", f"{header}.{payload}"
    yield "four segments", f"{genuine}.{signature}"
    yield "five segments, as a JWE", f"{genuine}.{signature}.{signature}"
    yield "two headers, joined by the server", f"{genuine}, {target.proof()}"
    yield "the same header twice", f"{genuine},{genuine}"
    yield "a scheme before it", f"DPoP {genuine}"
    yield "padding", f"{header}=.{payload}.{signature}"
    yield "white space", f" {genuine}"
    yield "a line break", f"{header}.{payload}\n.{signature}"
    yield "a NUL", f"{genuine}\0"
    yield "a non-ASCII character", f"{genuine}é"
    yield "too long", target.proof(extra="x" * 4000)
    yield "a long header", target.proof(header={"kid": "x" * 4000})
    yield "a header that is no object", f"{b64(b'[]')}.{payload}.{signature}"
    yield "a header that is no JSON", f"{b64(b'{')}.{payload}.{signature}"
    yield "a payload that is no object", target.key.sign(target.key.header(), [])
    yield "a payload that is no JSON", target.key.sign(target.key.header(), b"{")
    deep = b"[" * 1200 + b"]" * 1200
    yield "deeply nested JSON", target.key.sign(target.key.header(), b'{"jti":' + deep + b"}")
    claims = json.dumps(target.claims()).encode()
    repeated = claims[:-1] + b',"htm":"POST"}'
    yield "a repeated claim", target.key.sign(target.key.header(), repeated)
    yield "not a number", target.key.sign(target.key.header(), claims[:-1] + b',"exp":NaN}')


def _headers(target: Target) -> Iterator[tuple[str, str]]:
    for typ in ("JWT", "at+jwt", "rt+jwt", "dbsc+jwt", "DPOP+JWT", "application/dpop+jwt", "", 1):
        yield f"typ {typ!r}", target.proof(header={"typ": typ})
    yield "no typ", target.proof(header={"typ": None})
    for alg in ("none", "None", "HS256", "ES384", "RS256", "ES256K", "RSA-OAEP", "", 1, ["ES256"]):
        yield f"alg {alg!r}", target.proof(header={"alg": alg})
    yield "no alg", target.proof(header={"alg": None})
    yield "no jwk", target.proof(header={"jwk": None})
    yield "a kid instead", target.proof(header={"jwk": None, "kid": "1"})
    for name, value in (
        ("crit", ["b64"]),
        ("b64", False),
        ("jku", "https://evil.example/keys"),
        ("x5u", "https://evil.example/cert"),
        ("x5c", ["MII"]),
    ):
        yield f"header {name}", target.proof(header={name: value})


def _keys(target: Target) -> Iterator[tuple[str, str]]:
    own = target.key.public_jwk

    def with_jwk(**changes: Any) -> str:
        jwk = {k: v for k, v in {**own, **changes}.items() if v is not None}
        return target.proof(header={"jwk": jwk})

    yield "the private key", target.proof(header={"jwk": target.key.private_jwk})
    for name in ("d", "p", "q", "dp", "dq", "qi", "oth", "k"):
        yield f"private member {name}", with_jwk(**{name: "AQAB"})
    yield "a symmetric key", target.proof(header={"jwk": {"kty": "oct", "k": "AQAB"}})
    yield "a jwk that is a text", target.proof(header={"jwk": json.dumps(own)})
    yield "a jwk that is a list", target.proof(header={"jwk": [own]})
    yield "an empty jwk", target.proof(header={"jwk": {}})
    yield "many members", with_jwk(**{f"member{number}": "x" for number in range(20)})
    yield "alg of another algorithm in the jwk", with_jwk(alg="ES384")
    for changes in (
        {"kty": "RSA"},
        {"kty": "ec"},
        {"crv": "P-384"},
        {"crv": "secp256k1"},
        {"crv": None},
        {"x": None},
        {"y": None},
        {"x": ""},
        {"x": 1},
        {"x": own["x"] + "="},
        {"x": "AA" + own["x"]},
        {"x": own["x"][:-2]},
        {"x": own["y"], "y": own["x"]},
        {"x": "A" * 43, "y": "A" * 43},
        {"x": "_" * 42 + "8", "y": "_" * 42 + "8"},
    ):
        yield f"key with {changes}", with_jwk(**changes)
    huge = {"kty": "RSA", "e": "AQAB", "n": b64(b"\xc1" + bytes(1023) + b"\x01")}
    yield "an RSA key of 8,192 bits", target.proof(header={"alg": "RS256", "jwk": huge})
    yield "an RSA key of 1,024 bits", _signed_by(ClientKey("RS256", 9), target)
    small = ClientKey("RS256").public_jwk
    for exponent in ("Aw", "AQ", "AQABAA", "AAEAAQ"):
        jwk = {**small, "e": exponent}
        signed = ClientKey("RS256").proof(target.path, method=target.method, header={"jwk": jwk})
        yield f"an RSA key with the exponent {exponent}", signed
    yield "a curve of another size", _signed_by(ClientKey("ES384"), target)


def _signed_by(key: ClientKey, target: Target) -> str:
    return key.proof(target.path, method=target.method)


def _signatures(target: Target) -> Iterator[tuple[str, str]]:
    header, payload, signature = target.proof().split(".")
    yield "no signature", f"{header}.{payload}."
    yield "an empty signature", f"{header}.{payload}.{b64(b'')}"
    yield "a signature of zeros", f"{header}.{payload}.{b64(bytes(64))}"
    yield "a short signature", f"{header}.{payload}.{b64(_decode(signature)[:63])}"
    yield "a long signature", f"{header}.{payload}.{b64(_decode(signature) + bytes(1))}"
    yield "a DER signature", f"{header}.{payload}.{b64(b'0E' + _decode(signature))}"
    other = target.proof().split(".")[2]
    yield "the signature of another proof", f"{header}.{payload}.{other}"
    changed = json.dumps({**json.loads(_decode(payload)), "jti": "changed"}).encode()
    yield "a changed payload", f"{header}.{b64(changed)}.{signature}"
    yield "alg none without signature", _with_hmac(target, "none", None)
    for name, key in _public_bytes(target.key):
        yield f"HS256 with the public key as {name}", _with_hmac(target, "HS256", key)
        yield (
            f"ES256 in the header, HMAC with the public key as {name}",
            _with_hmac(target, "ES256", key),
        )
    stolen = {"jwk": target.key.public_jwk}
    yield (
        "the owner's jwk, another key's signature",
        OTHER.proof(target.path, method=target.method, header=stolen),
    )


def _public_bytes(key: ClientKey) -> Iterator[tuple[str, bytes]]:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        PublicFormat,
    )

    public = key.private.public_key()
    yield "PEM", public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield "DER", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield "JWK", json.dumps(key.public_jwk).encode()


def _with_hmac(target: Target, algorithm: str, key: bytes | None) -> str:
    header = b64(json.dumps(target.key.header(alg=algorithm)).encode())
    text = f"{header}.{b64(json.dumps(target.claims()).encode())}"
    mac = b"" if key is None else hmac.digest(key, text.encode(), hashlib.sha256)
    return f"{text}.{b64(mac)}"


def _claims(target: Target) -> Iterator[tuple[str, str]]:
    for name in ("jti", "htm", "htu", "iat"):
        yield f"no {name}", target.proof(**{name: None})
        values: tuple[Any, ...] = ("", 1.5e300, True, [], {}, [target.claims()[name]])
        for value in values:
            yield f"{name} {value!r}", target.proof(**{name: value})
    moments: tuple[Any, ...] = (0, -1, 10**30, 10**400, "now", str(int(NOW())), 1e400)
    for value in moments:
        text = json.dumps({**target.claims(), "iat": "IAT"}).encode()
        payload = text.replace(b'"IAT"', json.dumps(value).encode())
        yield f"iat {str(value)[:20]}", target.key.sign(target.key.header(), payload)
    # With time to spare: a busy machine sends a proof late.
    for seconds in (-3600, -62, 80, 3600):
        yield f"iat {seconds} s from now", target.proof(iat=int(NOW()) + seconds)
    yield "exp in the past", target.proof(exp=int(NOW()) - 1)
    yield "exp that is a text", target.proof(exp="later")
    yield "nbf in the future", target.proof(nbf=int(NOW()) + 3600)
    yield "a jti of 600 characters", target.proof(jti="x" * 600)


def _requests(target: Target) -> Iterator[tuple[str, str]]:
    for method in ("GET" if target.method == "POST" else "POST", "post", "PUT", "*", ""):
        yield f"htm {method!r}", target.proof(htm=method)
    genuine = target.claims()["htu"]
    for url in (
        "http://testserver/auth/logout/x/",
        "http://evil.example/auth/refresh/",
        "http://testserver.evil.example/auth/refresh/",
        genuine.replace("http:", "https:"),
        genuine.replace("http://testserver", "http://testserver:8000"),
        genuine.replace("http://", "http://user@"),
        genuine.replace("http://testserver", ""),
        genuine.replace("http://", "//"),
        genuine.rstrip("/"),
        f"{genuine}..;/",
        genuine.upper(),
        f"javascript:{genuine}",
        f" {genuine}",
        f"{genuine}\n",
        "*",
    ):
        yield f"htu {url!r}", target.proof(htu=url)


def _other_keys(target: Target) -> Iterator[tuple[str, str]]:
    for algorithm in ("ES256", "EdDSA", "RS256", "PS256"):
        key = ClientKey(algorithm, 3)
        yield f"another key, {algorithm}", _signed_by(key, target)
    jwk = OTHER.public_jwk
    for name in ("kid", "use", "thumbprint", "jkt"):
        hint = {"jwk": {**jwk, name: "the owner's"}}
        proof = OTHER.proof(target.path, method=target.method, header=hint)
        yield f"another key with the member {name}", proof
    yield (
        "another key, the owner's as a second member",
        OTHER.proof(
            target.path,
            method=target.method,
            header={"jwk": {**jwk, "jwk": target.key.public_jwk}},
        ),
    )


Send = Callable[[str], Any]
"""Sends a proof and returns the response."""


def find_accepted(send: Send, proofs: Iterator[tuple[str, str]]) -> tuple[int, list[str]]:
    """Send each proof; return their number, and those that were not refused as the RFC says."""
    wrong, count = [], 0
    for name, proof in proofs:
        count += 1
        answer = send(proof)
        refused = answer.status_code == 401 and answer.json()["code"] == "invalid_dpop_proof"
        challenge = answer.get("WWW-Authenticate", "").startswith(
            'DPoP error="invalid_dpop_proof"'
        )
        if not refused or not challenge:
            wrong.append(f"{name}: {answer.status_code} {answer.content[:200]!r}")
    return count, wrong
