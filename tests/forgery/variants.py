"""Random tokens near the valid ones: headers, claims, encodings, signatures and texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from refresh_sessions.tokens.keys import Key, Keyring, Purpose
from refresh_sessions.tokens.keys.new_keys import parse_key
from tests.forgery.tokens import sign
from tests.keys import ASYMMETRIC, SYMMETRIC, text
from tests.unit.forge import b64

TYP, ISSUER, AUDIENCE, NOW = "at+jwt", "refresh_sessions", "refresh_sessions.access", 1_800_000_000
REQUIRED = ("iss", "aud", "exp", "gen")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SLOW = {"PS256", "RS256"}

VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 1.5, 0.0, 2**63, 10**40, 1e300),
    *("", "1", " 7 ", "1e3", "x", "\ud800", "ä\u202e", "\0"),
    *([], {}, [1], ["x", "y"], {"a": 1}, {"a": {"b": [None]}}),
    *(float("nan"), float("inf"), float("-inf")),
    *(NOW, str(NOW), float(NOW), [NOW]),
]
TIMES: list[Any] = [
    *(NOW - 6, NOW - 5, NOW - 4, NOW, NOW + 1, NOW + 4, NOW + 5, NOW + 6, NOW + 900, 10**400),
    *(NOW + 4.5, float(NOW + 900), str(NOW + 900), str(NOW - 900), f" {NOW + 900} "),
    *("1_900_000_000", NOW - 900, -NOW, -(10**40)),
]
ISSUERS: list[Any] = [ISSUER, ISSUER.upper(), f"{ISSUER} ", f"{ISSUER}/a", [ISSUER], {ISSUER: 1}]
AUDIENCES: list[Any] = [
    *(AUDIENCE, AUDIENCE[:-1], [AUDIENCE], [AUDIENCE, "x"], {AUDIENCE: 1}, "#refresh")
]
CLAIMS: dict[str, list[Any]] = {
    "exp": TIMES,
    "nbf": TIMES,
    "iat": TIMES,
    "iss": ISSUERS,
    "aud": AUDIENCES,
    "sub": ["7", 7, None],
    "jti": ["j", 7, None],
    "gen": [1, None],
    "secret": ["s" * 22, None, 7, ["s"]],
    "tenant": ["a", {"exp": 1, "aud": "x"}, {"secret": "s"}],
}
HEADERS: dict[str, list[Any]] = {
    "typ": ["at+jwt", "AT+JWT", "rt+jwt", "JWT", ["at+jwt"], "application/at+jwt"],
    "alg": ["none", "HS256", "HS512", "ES256", "EdDSA", "RS256", "PS256", ["HS256"]],
    "kid": ["unknown", "", 7],
    "crit": [["b64"], ["exp"], [], "b64"],
    "b64": [True, False, "x"],
    "jwk": [{}],
    "jku": ["https://attacker.example/"],
    "x5c": [[]],
    "x5u": [None],
    "cty": ["JWT"],
    "zip": ["DEF"],
}


def make_keyrings() -> list[Keyring]:
    """One keyring for each algorithm that signs; each verifies with several."""
    try:
        import cryptography  # noqa: F401, PLC0415

        names = [*SYMMETRIC, *ASYMMETRIC]
    except ModuleNotFoundError:
        names = [*SYMMETRIC]
    keys = [parse_key(text(name, 20 + n), name, Purpose.ACCESS) for n, name in enumerate(names)]
    return [
        Keyring(signing=key, verifying={key.kid: key} | {other.kid: other for other in keys})
        for key in keys
    ]


def make_token(rng: Random, keyring: Keyring) -> str:
    """A token of one of the keys, most often with one to three deviations."""
    key = _pick_key(rng, keyring)
    header: dict[str, Any] = {"alg": key.algorithm, "kid": key.kid, "typ": TYP}
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 900, "gen": 1, "sub": "7", "jti": "j"}
    chosen = rng.choices(
        ["claim", "header", "claims text", "header text", "signer", "form"],
        weights=[8, 2, 2, 2, 1, 2],
        k=rng.choice([0, 1, 1, 1, 2, 3]),
    )
    for deviation in chosen:
        if deviation in {"claim", "header"}:
            _change(rng, *((claims, CLAIMS) if deviation == "claim" else (header, HEADERS)))
    texts = [
        write(rng, part) if f"{name} text" in chosen else write_plainly(part)
        for name, part in (("header", header), ("claims", claims))
    ]
    token = sign(texts[0], texts[1], _pick_key(rng, keyring) if "signer" in chosen else key)
    return rng.choice(FORMS)(rng, token) if "form" in chosen else token


def _pick_key(rng: Random, keyring: Keyring) -> Key:
    keys = list(keyring.verifying.values())
    quick = [key for key in keys if key.algorithm not in SLOW]
    return rng.choice(keys if rng.random() < 0.05 else quick)


def _change(rng: Random, members: dict[str, Any], likely: dict[str, list[Any]]) -> None:
    name = rng.choice([*likely, "ä", ""])
    if rng.random() < 0.15:
        members.pop(name, None)
    else:
        values = likely.get(name, VALUES)
        members[name] = rng.choice(values if rng.random() < 0.7 else VALUES)


def write_plainly(members: dict[str, Any]) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()


def write(rng: Random, members: dict[str, Any]) -> bytes:
    """The members as JSON in another way than the package writes them, or as no JSON."""
    items = list(members.items())
    rng.shuffle(items)
    encoded = json.dumps(
        dict(items),
        ensure_ascii=rng.random() < 0.5,
        indent=rng.choice([None, 1]),
        separators=rng.choice([(",", ":"), (", ", ": "), (" ,\t", " :\n")]),
    )
    content = encoded.encode("utf-8", "surrogatepass")
    again = rng.choice([*members, "new"]) if members else "new"
    value = rng.choice([members.get(again), *VALUES])
    once_more = f",{json.dumps(again)}:{json.dumps(value)}}}".encode()
    return rng.choice(
        [
            *(content, b" \n" + content + b"\r\t", content + b"\0", content[:-1], content + b"}"),
            *(content.rstrip()[:-1] + once_more, b'{"exp":1,' + content.lstrip()[1:]),
            *(encoded.encode("utf-16", "surrogatepass"), b"\xef\xbb\xbf" + content),
            *(encoded.encode("utf-32-le", "surrogatepass"), b"[" + content + b"]"),
            *(content.rstrip()[:-1] + b',"n":1e999}', content.rstrip()[:-1] + b',"n":[-1E+999]}'),
            content.rstrip()[:-1] + b',"deep":' + b"[" * 60 + b'{"a":1,"a":2}' + b"]" * 60 + b"}",
            content.rstrip()[:-1] + b',"deep":' + b'[{"a":' * 60 + b"1" + b"}]" * 60 + b"}",
            *(b'"text"', b"null", b"", b"[" * 1400, rng.randbytes(9)),
        ]
    )


def _replace_character(rng: Random, token: str) -> str:
    at = rng.randrange(len(token))
    return token[:at] + rng.choice(ALPHABET + ".=+/ é\ud800") + token[at + 1 :]


def _flip_bit(rng: Random, token: str) -> str:
    segments = token.split(".")
    which = rng.randrange(3)
    last = segments[which][-1:]
    if last:
        other = ALPHABET[ALPHABET.index(last) ^ (1 << rng.randrange(6))]
        segments[which] = segments[which][:-1] + other
    return ".".join(segments)


def _insert(rng: Random, token: str) -> str:
    dots = token.index("."), token.rindex(".")
    at = rng.choice([0, len(token), *dots, rng.randrange(len(token))])
    inserted: str = rng.choice([*"A.=+/ \n\0é", "==", "AAAA", "e30."])
    return token[:at] + inserted + token[at:]


def _delete(rng: Random, token: str) -> str:
    at = rng.choice([0, len(token) - 1, rng.randrange(len(token))])
    return token[:at] + token[at + rng.randint(1, 3) :]


def _permute(rng: Random, token: str) -> str:
    segments = token.split(".")
    return ".".join(rng.choice(segments) for _ in range(rng.choice([2, 3, 3, 3, 4])))


def _exchange(rng: Random, token: str) -> str:
    segments = token.split(".")
    segments[rng.randrange(3)] = rng.choice(["", "e30", "AA", "A", b64(rng.randbytes(32))])
    return ".".join(segments)


def _other_letters(rng: Random, token: str) -> str:
    return rng.choice(
        [token.upper(), token.replace("-", "+").replace("_", "/"), f"{token}={token}"]
    )


FORMS: list[Callable[[Random, str], str]] = [
    *(_replace_character, _replace_character, _flip_bit, _flip_bit, _insert, _delete),
    *(_permute, _exchange, _other_letters),
]
