"""Proofs that no endpoint accepts, for the header ``Secure-Session-Response``."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import jwt

from refresh_sessions.tokens.segments import dump_object, encode_segment
from tests.device_bound.browser import make_proof, private_key, public_jwk, sign

Maker = Callable[[str], str]
"""Makes the value of the header for a valid challenge."""

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def quote(proof: str) -> str:
    return f'"{proof}"'


def segments(*parts: Any) -> str:
    return ".".join(
        (part if isinstance(part, bytes) else encode_segment(dump_object(part))).decode()
        for part in parts
    )


def with_header(**members: Any) -> Maker:
    return lambda challenge: quote(make_proof(challenge, header=members))


def with_jwk(change: Callable[[dict[str, Any]], Any], algorithm: str = "ES256") -> Maker:
    """Return a maker of proofs whose key is changed after a copy."""

    def make(challenge: str) -> str:
        jwk = change(dict(public_jwk(algorithm)))
        return quote(make_proof(challenge, algorithm=algorithm, header={"jwk": jwk}))

    return make


def with_claims(**claims: Any) -> Maker:
    return lambda challenge: quote(make_proof(challenge, claims=claims))


def with_signature(change: Callable[[bytes], bytes]) -> Maker:
    def make(challenge: str) -> str:
        head, body, signature = make_proof(challenge).split(".")
        changed = change(base64.urlsafe_b64decode(signature + "=="))
        return quote(f"{head}.{body}.{encode_segment(changed).decode()}")

    return make


def with_text(change: Callable[[str], str]) -> Maker:
    """Return a maker that changes the whole header."""
    return lambda challenge: change(make_proof(challenge))


def unsigned(challenge: str) -> str:
    header = {"typ": "dbsc+jwt", "alg": "none"}
    return quote(segments(header, {"jti": challenge}, b""))


def unsigned_with_key(challenge: str) -> str:
    header = {"typ": "dbsc+jwt", "alg": "none", "jwk": public_jwk()}
    return quote(segments(header, {"jti": challenge}, b""))


def symmetric(challenge: str) -> str:
    """HS256 with the bytes of the public key as the secret."""
    header = {"typ": "dbsc+jwt", "alg": "HS256", "jwk": public_jwk()}
    signing_input = segments(header, {"jti": challenge})
    digest = hmac.new(dump_object(public_jwk()), signing_input.encode(), hashlib.sha256).digest()
    return quote(f"{signing_input}.{encode_segment(digest).decode()}")


def symmetric_key(challenge: str) -> str:
    header = {"typ": "dbsc+jwt", "alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}}
    signing_input = segments(header, {"jti": challenge})
    digest = hmac.new(b"\0\0\0", signing_input.encode(), hashlib.sha256).digest()
    return quote(f"{signing_input}.{encode_segment(digest).decode()}")


def raw_parts(head: bytes | None = None, body: bytes | None = None) -> Maker:
    """Return a maker of signed proofs with any bytes as header or claims."""

    def make(challenge: str) -> str:
        header = dump_object({"typ": "dbsc+jwt", "alg": "ES256", "jwk": public_jwk()})
        claims = dump_object({"jti": challenge})
        parts = [encode_segment(head or header), encode_segment(body or claims)]
        signing_input = b".".join(parts)
        signature = jwt.get_algorithm_by_name("ES256").sign(signing_input, private_key())
        return quote((signing_input + b"." + encode_segment(signature)).decode())

    return make


@lru_cache
def other_key(kind: str) -> tuple[str, Any, dict[str, Any]]:
    """Algorithm, private key and JWK of a kind that is not supported here."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415

    keys: dict[str, tuple[str, Callable[[], Any]]] = {
        "ed25519": ("EdDSA", ed25519.Ed25519PrivateKey.generate),
        "p384": ("ES384", lambda: ec.generate_private_key(ec.SECP384R1())),
        "k256": ("ES256K", lambda: ec.generate_private_key(ec.SECP256K1())),
        "small": (
            "RS256",
            lambda: rsa.generate_private_key(public_exponent=65537, key_size=1024),  # noqa: S505
        ),
        "three": ("RS256", lambda: rsa.generate_private_key(public_exponent=3, key_size=2048)),
        "pss": ("PS256", lambda: private_key("RS256")),
        "sha512": ("RS512", lambda: private_key("RS256")),
    }
    algorithm, generate = keys[kind]
    private = generate()
    jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(private.public_key(), as_dict=True)
    return algorithm, private, {name: jwk[name] for name in jwk if name not in {"key_ops", "use"}}


def with_other_key(kind: str) -> Maker:
    def make(challenge: str) -> str:
        algorithm, private, jwk = other_key(kind)
        header = {"typ": "dbsc+jwt", "alg": algorithm, "jwk": jwk}
        signing_input = segments(header, {"jti": challenge}).encode()
        signature = jwt.get_algorithm_by_name(algorithm).sign(signing_input, private)
        return quote((signing_input + b"." + encode_segment(signature)).decode())

    return make


def private_jwk(jwk: dict[str, Any]) -> dict[str, Any]:
    full = jwt.get_algorithm_by_name("ES256").to_jwk(private_key(), as_dict=True)
    return {**jwk, "d": full["d"]}


def swap_order(signature: bytes) -> bytes:
    """(r, s) as (r, n - s) with another r: not a signature of the message."""
    r, s = signature[:32], int.from_bytes(signature[32:])
    return bytes(reversed(r)) + (P256_ORDER - s).to_bytes(32)


def _headers() -> Iterator[tuple[str, Maker]]:
    value: Any
    for name, value in (
        *(("no typ", None), ("typ JWT", "JWT"), ("typ DPoP", "dpop+jwt")),
        *(("typ in capitals", "DBSC+JWT"), ("typ media type", "application/dbsc+jwt")),
        *(("typ a list", ["dbsc+jwt"]), ("typ access token", "at+jwt")),
    ):
        yield name, with_header(typ=value)
    for value in (None, "none", "NONE", "HS256", "RS256", "ES384", "es256", "", 256, ["ES256"]):
        yield f"alg {value!r} of an ES256 signature", with_header(alg=value)
    for name in ("jku", "x5u", "x5c", "crit", "b64"):
        yield f"header {name}", with_header(**{name: "https://attacker.example"})


def _keys() -> Iterator[tuple[str, Maker]]:
    yield "no jwk", with_header(jwk=None)
    for jwk in ("x", [], {}, 5, True, [public_jwk()], {"keys": [public_jwk()]}):
        yield f"jwk {str(jwk)[:12]}", with_header(jwk=jwk)
    yield "private key", with_jwk(private_jwk)
    for name in ("p", "q", "dp", "dq", "qi", "oth", "k", "d"):
        yield f"private member {name}", with_jwk(lambda jwk, name=name: {**jwk, name: "AA"})  # type: ignore[misc]
    yield "another alg in the key", with_jwk(lambda jwk: {**jwk, "alg": "RS256"})
    yield "many members", with_jwk(lambda jwk: {**jwk, **{f"m{i}": "x" for i in range(20)}})
    yield "kty RSA", with_jwk(lambda jwk: {**jwk, "kty": "RSA"})
    yield "crv P-384", with_jwk(lambda jwk: {**jwk, "crv": "P-384"})
    yield "no x", with_jwk(lambda jwk: {k: v for k, v in jwk.items() if k != "x"})
    yield "x a number", with_jwk(lambda jwk: {**jwk, "x": 5})
    yield "x padded", with_jwk(lambda jwk: {**jwk, "x": jwk["x"] + "="})
    yield "x with a zero more", with_jwk(lambda jwk: {**jwk, "x": "AA" + jwk["x"]})
    yield "x and y exchanged", with_jwk(lambda jwk: {**jwk, "x": jwk["y"], "y": jwk["x"]})
    yield "point at zero", with_jwk(lambda jwk: {**jwk, "x": "A" * 43, "y": "A" * 43})
    yield "key of another", with_header(jwk=public_jwk("ES256", 7))
    yield "RSA exponent one", with_jwk(lambda jwk: {**jwk, "e": "AQ"}, "RS256")
    yield "RSA exponent huge", with_jwk(lambda jwk: {**jwk, "e": "_" * 40 + "8"}, "RS256")
    yield "RSA modulus even", with_jwk(lambda jwk: {**jwk, "n": jwk["n"][:-2] + "AA"}, "RS256")
    yield "RSA modulus huge", with_jwk(lambda jwk: {**jwk, "n": "_" * 2000}, "RS256")
    yield "RSA modulus empty", with_jwk(lambda jwk: {**jwk, "n": ""}, "RS256")
    for kind in ("ed25519", "p384", "k256", "small", "three", "pss", "sha512"):
        yield f"key {kind}", with_other_key(kind)


def _claims() -> Iterator[tuple[str, Maker]]:
    value: Any
    for value in (None, "", "x", 5, 1.5, True, [], {}, "\ud800", "\0", "é", "0" * 32, "f" * 3000):
        yield f"jti {str(value)[:5]!a}", with_claims(jti=value)
    yield "jti in a list", lambda challenge: quote(make_proof([challenge]))
    yield "jti reversed", lambda challenge: quote(make_proof(challenge[::-1]))
    yield "jti with a space", lambda challenge: quote(make_proof(challenge + " "))
    yield "jti shortened", lambda challenge: quote(make_proof(challenge[:-1]))
    yield "jti without time", lambda challenge: quote(make_proof("00000000" + challenge[8:]))
    yield "jti in the future", lambda challenge: quote(make_proof("ffffffff" + challenge[8:]))
    yield "claims a list", raw_parts(body=b"[]")
    yield "claims empty", raw_parts(body=b" ")
    yield "claims nested", raw_parts(body=b'{"jti":' + b"[" * 900 + b"]" * 900 + b"}")
    yield "claims twice", raw_parts(body=b'{"jti":"x","jti":"y"}')
    yield "claims not UTF-8", raw_parts(body=b'{"jti":"\xff"}')
    yield "header a list", raw_parts(head=b"[]")
    yield "header not finite", raw_parts(head=b'{"typ":"dbsc+jwt","alg":NaN}')


def _texts() -> Iterator[tuple[str, Maker]]:
    yield "empty", with_text(lambda proof: "")
    yield "empty string", with_text(lambda proof: '""')
    yield "one quote", with_text(lambda proof: f'"{proof}')
    yield "two headers", with_text(lambda proof: f'"{proof}", "{proof}"')
    yield "two bare headers", with_text(lambda proof: f"{proof},{proof}")
    yield "list", with_text(lambda proof: f"({proof})")
    yield "byte sequence", with_text(lambda proof: f":{proof}:")
    yield "escaped", with_text(lambda proof: f'"\\{proof}"')
    yield "two parts", with_text(lambda proof: quote(proof.rpartition(".")[0]))
    yield "four parts", with_text(lambda proof: quote(f"{proof}.{proof}"))
    yield "five parts", with_text(lambda proof: quote(f"{proof}.x.y"))
    yield "padded", with_text(lambda proof: quote(proof + "=="))
    yield "not ASCII", with_text(lambda proof: quote(proof + "\xe9"))
    yield "too long", with_text(lambda proof: quote(proof + "A" * 4096))
    yield "huge", with_text(lambda proof: quote("A" * 60_000))
    yield "JSON serialization", with_text(lambda proof: '{"payload":"x"}')
    yield "bearer", with_text(lambda proof: f"Bearer {proof}")


def _signatures() -> Iterator[tuple[str, Maker]]:
    yield "no signature", with_signature(lambda signature: b"")
    yield "zero signature", with_signature(lambda signature: b"\0" * 64)
    yield "signature flipped", with_signature(lambda one: bytes([one[0] ^ 1]) + one[1:])
    yield "signature long", with_signature(lambda signature: signature + b"\0")
    yield "signature DER", with_signature(lambda signature: b"\x30\x44\x02\x20" + signature)
    yield "signature swapped", with_signature(swap_order)
    yield (
        "signed by another key",
        lambda challenge: quote(
            sign(
                {"typ": "dbsc+jwt", "alg": "ES256", "jwk": public_jwk()},
                {"jti": challenge},
                which=9,
            )
        ),
    )
    yield "unsigned", unsigned
    yield "unsigned with key", unsigned_with_key
    yield "HS256 with the public key", symmetric
    yield "HS256 with its own key", symmetric_key


def hostile_proofs() -> dict[str, Maker]:
    """All makers by name."""
    makers: dict[str, Maker] = {}
    for source in (_headers, _keys, _claims, _texts, _signatures):
        for name, make in source():
            assert name not in makers, name
            makers[name] = make
    return makers
