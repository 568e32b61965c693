"""Forgeries without a key: published attacks on JWT libraries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.conf import settings as django_settings

from refresh_sessions.tokens.keys import Key, Purpose, public_keys
from tests.forgery.tokens import (
    Targets,
    digest_of,
    encode,
    key_of,
    sign,
    sign_by_hmac,
    signature_of,
    signing_input,
    spare_bits_set,
    with_signature,
)
from tests.unit.forge import b64

Named = Iterator[tuple[str, str]]

NONE = ["none", "None", "NONE", "nOnE", "noNE", "", " none", "none\x00", None, 0, [], ["none"]]
GUESSED_SECRETS = [b"", b"\x00", b"\x00" * 32, b"secret", b"null", b"your-256-bit-secret"]
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


def unsigned_forgeries(targets: Targets, purpose: Purpose) -> Named:
    """Yield all forgeries of one kind of token."""
    yield from without_algorithm(targets, purpose)
    yield from algorithm_confusion(targets, purpose)
    yield from with_other_signatures(targets, purpose)
    yield from numbers_as_signatures(targets, purpose)
    yield from other_encodings(targets, purpose)
    yield from malformed(targets, purpose)


def without_algorithm(targets: Targets, purpose: Purpose) -> Named:
    header, claims = targets.header(purpose), targets.claims(purpose)
    for algorithm in NONE:
        text = signing_input({**header, "alg": algorithm}, claims)
        for signature in ("", "AA", b64(signature_of(targets.token(purpose)))):
            yield f"alg {algorithm!r}, signature {signature[:4]!r}", f"{text}.{signature}"
    alg_again = b', "alg": "none"}'
    del header["alg"]
    yield "no alg", with_signature(f"{signing_input(header, claims)}.x", b"\x00" * 64)
    yield (
        "alg twice",
        with_signature(
            f"{signing_input(encode(targets.header(purpose))[:-1] + alg_again, claims)}.x", "AA"
        ),
    )


def algorithm_confusion(targets: Targets, purpose: Purpose) -> Named:
    """Algorithm confusion: the public key or other public text as HMAC secret."""
    header, claims = targets.header(purpose), targets.claims(purpose)
    found = [*GUESSED_SECRETS, *_public_bytes(), str(header["kid"]).encode()]
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
            yield f"labelled {algorithm}", sign_by_hmac(forged, claims, b"k" * 64)
            yield (
                f"{algorithm}, old signature",
                with_signature(
                    f"{signing_input(forged, claims)}.x", signature_of(targets.token(purpose))
                ),
            )


def _public_bytes() -> Iterator[bytes]:
    """Yield the public key in every encoding of known attacks."""
    for shown in public_keys():
        yield encode(shown)
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


def with_other_signatures(targets: Targets, purpose: Purpose) -> Named:
    token = targets.token(purpose)
    genuine = signature_of(token)
    for signature in SIGNATURES:
        yield f"signature {signature[:8]!r}", with_signature(token, signature)
    other = str(getattr(targets.stranger, purpose))
    yield "a stranger's signature", with_signature(token, signature_of(other))
    yield "one byte less", with_signature(token, genuine[:-1])
    yield "one byte more", with_signature(token, genuine + b"\x00")
    yield "twice", with_signature(token, genuine * 2)
    yield "digest instead", with_signature(token, digest_of(token.rpartition(".")[0]))
    claims = targets.claims(purpose)
    for name, value in {
        "sub": "1",
        "gen": 2,
        "exp": 2**31,
        "sid": str(targets.sibling.session.pk),
    }.items():
        text = signing_input(targets.header(purpose), {**claims, name: value})
        yield f"changed {name}", with_signature(f"{text}.x", genuine)


def numbers_as_signatures(targets: Targets, purpose: Purpose) -> Named:
    """Values that broken verifiers accept for any message ("psychic signatures")."""
    token, n = targets.token(purpose), ORDER_OF_P256
    for r, s in ((0, 0), (0, 1), (1, 0), (n, n), (n, 0), (1, 1), (n - 1, 1), (2**256 - 1, 1)):
        pair = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        yield f"r={r % 1000}…, s={s % 1000}…", with_signature(token, pair)
    yield "zeros in DER", with_signature(token, bytes.fromhex("3006020100020100"))
    if key_of(purpose).algorithm == "EdDSA":
        genuine = signature_of(token)
        more = int.from_bytes(genuine[32:], "little") + ORDER_OF_ED25519
        modified = genuine[:32] + more.to_bytes(32, "little")
        yield "S beyond the order", with_signature(token, modified)
        yield "small order", with_signature(token, b"\x01" + b"\x00" * 63)


def other_encodings(targets: Targets, purpose: Purpose) -> Named:
    """The genuine token in another encoding."""
    token = targets.token(purpose)
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


def malformed(targets: Targets, purpose: Purpose) -> Named:
    token = targets.token(purpose)
    header, payload, signature = token.split(".")
    yield "two parts", f"{header}.{payload}"
    yield "no signature", f"{header}.{payload}."
    yield "four parts", f"{token}.{signature}"
    yield "an encrypted one", ".".join([header, "", b64(b"i" * 12), payload, b64(b"t" * 16)])
    yield "five parts", f"{header}.{signature}.{header}.{payload}.{signature}"
    whole = {"payload": payload, "protected": header, "signature": signature}
    yield "JSON serialization", json.dumps(whole)
    yield "JSON serialization in base64", b64(encode(whole))
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
        "marked": b"\xef\xbb\xbf" + encode(targets.header(purpose)),
        "long number": b'{"exp":' + b"9" * 1900 + b"}",
        "NaN": b'{"exp":NaN}',
    }.items():
        yield f"header of {name}", f"{b64(bad)}.{payload}.{signature}"
        yield f"payload of {name}", f"{header}.{b64(bad)}.{signature}"


def with_own_key(targets: Targets, purpose: Purpose, own: Key, jwk: dict[str, str]) -> Named:
    """A key of the attacker, and headers that refer to it."""
    claims = targets.claims(purpose)
    url = "https://attacker.example/keys.json"
    for kid in (targets.header(purpose)["kid"], own.kid, url):
        for name, value in {"jku": url, "x5u": url, "jwk": jwk, "x5c": [jwk.get("x", "")]}.items():
            header = {**targets.header(purpose), "alg": own.algorithm, "kid": kid, name: value}
            yield f"{name}, kid {kid[:8]}", sign(header, claims, own)
        header = {**targets.header(purpose), "alg": own.algorithm, "kid": kid}
        yield f"another {own.algorithm} key, kid {kid[:8]}", sign(header, claims, own)
