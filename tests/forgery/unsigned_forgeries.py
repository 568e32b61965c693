"""Tokens of attackers who have no key: what the public lists of attacks on JWTs come to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.conf import settings as django_settings

from refresh_sessions.tokens.keys import Key, Purpose, public_keys
from tests.forgery.tokens import (
    Scene,
    digest_of,
    key_of,
    packed,
    sign,
    sign_by_hmac,
    signature_of,
    spare_bits_set,
    text_of,
    with_signature,
)
from tests.unit.forge import b64

Named = Iterator[tuple[str, str]]

NONE = ["none", "None", "NONE", "nOnE", "noNE", "", " none", "none\x00", None, 0, [], ["none"]]
BYTES_TAKEN_FOR_SECRETS = [b"", b"\x00", b"\x00" * 32, b"secret", b"null", b"your-256-bit-secret"]
SIGNATURES: list[bytes | str] = [
    "",
    "AA",
    "e30",
    "A",
    "=",
    b"\x00" * 64,
    b"\xff" * 64,
    b"\x00" * 32,
]
ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ORDER_OF_ED25519 = 2**252 + 27742317777372353535851937790883648493


def unsigned_forgeries(scene: Scene, purpose: Purpose) -> Named:
    """All of them, for a token of one kind."""
    yield from without_algorithm(scene, purpose)
    yield from confused(scene, purpose)
    yield from with_other_signatures(scene, purpose)
    yield from numbers_as_signatures(scene, purpose)
    yield from respelt(scene, purpose)
    yield from misshapen(scene, purpose)


def without_algorithm(scene: Scene, purpose: Purpose) -> Named:
    header, claims = scene.header(purpose), scene.claims(purpose)
    for algorithm in NONE:
        text = text_of({**header, "alg": algorithm}, claims)
        for signature in ("", "AA", b64(signature_of(scene.token(purpose)))):
            yield f"alg {algorithm!r}, signature {signature[:4]!r}", f"{text}.{signature}"
    alg_again = b', "alg": "none"}'
    del header["alg"]
    yield "no alg", with_signature(f"{text_of(header, claims)}.x", b"\x00" * 64)
    yield (
        "alg twice",
        with_signature(
            f"{text_of(packed(scene.header(purpose))[:-1] + alg_again, claims)}.x", "AA"
        ),
    )


def confused(scene: Scene, purpose: Purpose) -> Named:
    """The public key, or anything else that is no secret, taken for an HMAC secret."""
    header, claims = scene.header(purpose), scene.claims(purpose)
    found = [*BYTES_TAKEN_FOR_SECRETS, *_public_bytes(), str(header["kid"]).encode()]
    found += [django_settings.SECRET_KEY.encode(), digest_of(django_settings.SECRET_KEY)]
    for number, secret in enumerate(found):
        for algorithm in ("HS256", "HS384", "HS512"):
            forged = {**header, "alg": algorithm}
            digest = f"sha{algorithm[2:]}"
            yield (
                f"{algorithm} with bytes {number}",
                sign_by_hmac(forged, claims, secret, digest),
            )
    for algorithm in ("HS256", "RS256", "PS256", "ES256", "ES384", "ES256K", "EdDSA", "Ed25519"):
        if algorithm != header["alg"]:
            forged = {**header, "alg": algorithm}
            yield f"said to be {algorithm}", sign_by_hmac(forged, claims, b"k" * 64)
            yield (
                f"{algorithm}, old signature",
                with_signature(f"{text_of(forged, claims)}.x", signature_of(scene.token(purpose))),
            )


def _public_bytes() -> Iterator[bytes]:
    """The public key in every spelling that libraries have been fooled with."""
    for shown in public_keys():
        yield packed(shown)
        yield json.dumps(shown, separators=(",", ":"), sort_keys=True).encode()
        yield shown["x"].encode()
    public: Any = key_of(Purpose.ACCESS).public
    if public is not None:
        from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415

        info = s.PublicFormat.SubjectPublicKeyInfo
        pem = public.public_bytes(s.Encoding.PEM, info)
        yield from (pem, pem.strip(), pem.replace(b"\n", b"\r\n"), pem.replace(b"\n", b""))
        yield public.public_bytes(s.Encoding.DER, info)
        yield public.public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH)
        if hasattr(public, "curve"):
            yield public.public_bytes(s.Encoding.X962, s.PublicFormat.UncompressedPoint)


def with_other_signatures(scene: Scene, purpose: Purpose) -> Named:
    token = scene.token(purpose)
    genuine = signature_of(token)
    for signature in SIGNATURES:
        yield f"signature {signature[:8]!r}", with_signature(token, signature)
    other = str(getattr(scene.stranger, purpose))
    yield "a stranger's signature", with_signature(token, signature_of(other))
    yield "one byte less", with_signature(token, genuine[:-1])
    yield "one byte more", with_signature(token, genuine + b"\x00")
    yield "twice", with_signature(token, genuine * 2)
    yield "digest instead", with_signature(token, digest_of(token.rpartition(".")[0]))
    claims = scene.claims(purpose)
    for name, value in {
        "sub": "1",
        "gen": 2,
        "exp": 2**31,
        "sid": str(scene.sibling.session.pk),
    }.items():
        text = text_of(scene.header(purpose), {**claims, name: value})
        yield f"changed {name}", with_signature(f"{text}.x", genuine)


def numbers_as_signatures(scene: Scene, purpose: Purpose) -> Named:
    """Pairs that broken verifiers take for valid whatever was signed ("psychic signatures")."""
    token, n = scene.token(purpose), ORDER_OF_P256
    for r, s in ((0, 0), (0, 1), (1, 0), (n, n), (n, 0), (1, 1), (n - 1, 1), (2**256 - 1, 1)):
        pair = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        yield f"r={r % 1000}…, s={s % 1000}…", with_signature(token, pair)
    yield "zeros in DER", with_signature(token, bytes.fromhex("3006020100020100"))
    if key_of(purpose).algorithm == "EdDSA":
        genuine = signature_of(token)
        more = int.from_bytes(genuine[32:], "little") + ORDER_OF_ED25519
        twin = genuine[:32] + more.to_bytes(32, "little")
        yield "S beyond the order", with_signature(token, twin)
        yield "small order", with_signature(token, b"\x01" + b"\x00" * 63)


def respelt(scene: Scene, purpose: Purpose) -> Named:
    """The genuine token, but not to the letter: one spelling, or there would be many tokens."""
    token = scene.token(purpose)
    header, payload, signature = token.split(".")
    for tail in ("=", "==", ".", "A", "AAAA", "%3D", "\u200b", "\x00", "#", ","):
        yield f"followed by {tail!r}", token + tail
    for head in ("\ufeff", "\u200b", ".", '"', "\x00"):
        yield f"after {head!r}", head + token
    yield "other spare bits", spare_bits_set(token)
    yield "padded header", f"{header}=.{payload}.{signature}"
    yield "padded payload", f"{header}.{payload}==.{signature}"
    yield "break within", f"{header}.{payload[:9]}\n{payload[9:]}.{signature}"
    yield "space within", f"{header}. {payload}.{signature}"
    yield "other alphabet", token.replace("-", "+").replace("_", "/") + "+"
    yield "other dots", token.replace(".", "\u3002")
    yield "wide letters", token.replace("e", "\uff45")
    yield "cyrillic letters", token.replace("e", "\u0435")
    yield "capitals", token.upper()
    yield "other order", f"{payload}.{header}.{signature}"
    yield "quoted", f'"{token}"'
    yield "in percents", token.replace(".", "%2E")
    yield "two tokens", f"{token}.{token}"


def misshapen(scene: Scene, purpose: Purpose) -> Named:
    token = scene.token(purpose)
    header, payload, signature = token.split(".")
    yield "two parts", f"{header}.{payload}"
    yield "no signature", f"{header}.{payload}."
    yield "four parts", f"{token}.{signature}"
    yield "an encrypted one", ".".join([header, "", b64(b"i" * 12), payload, b64(b"t" * 16)])
    yield "five parts", f"{header}.{signature}.{header}.{payload}.{signature}"
    whole = {"payload": payload, "protected": header, "signature": signature}
    yield "JSON serialization", json.dumps(whole)
    yield "JSON serialization in base64", b64(packed(whole))
    yield "too long", f"{header}.{payload}{'A' * 5000}.{signature}"
    for name, bad in {
        "text": b'"text"',
        "list": b"[]",
        "number": b"7",
        "null": b"null",
        "nothing": b"{",
        "deep": b"[" * 1400,
        "deep objects": b'{"a":' * 300,
        "no UTF-8": b'{"alg":"\xff"}',
        "UTF-16": '{"alg":"HS256"}'.encode("utf-16"),
        "marked": b"\xef\xbb\xbf" + packed(scene.header(purpose)),
        "long number": b'{"exp":' + b"9" * 1900 + b"}",
        "NaN": b'{"exp":NaN}',
    }.items():
        yield f"header of {name}", f"{b64(bad)}.{payload}.{signature}"
        yield f"payload of {name}", f"{header}.{b64(bad)}.{signature}"


def brought_along(scene: Scene, purpose: Purpose, own: Key, jwk: dict[str, str]) -> Named:
    """A key of the attacker's, and a header that says where to find it."""
    claims = scene.claims(purpose)
    url = "https://attacker.example/keys.json"
    for kid in (scene.header(purpose)["kid"], own.kid, url):
        for name, value in {"jku": url, "x5u": url, "jwk": jwk, "x5c": [jwk.get("x", "")]}.items():
            header = {**scene.header(purpose), "alg": own.algorithm, "kid": kid, name: value}
            yield f"{name}, kid {kid[:8]}", sign(header, claims, own)
        header = {**scene.header(purpose), "alg": own.algorithm, "kid": kid}
        yield f"another {own.algorithm} key, kid {kid[:8]}", sign(header, claims, own)
