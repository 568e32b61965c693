"""Compare the codec with ``jwt.decode``: ``python -m tests.forgery.differential --count 200000``.

The codec must refuse each token that PyJWT refuses. It may refuse more, for the reasons of
``find_reasons`` only.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random
from typing import Any

import time_machine

from refresh_sessions.exceptions import ExpiredTokenError, InvalidTokenError
from refresh_sessions.tokens import codec
from refresh_sessions.tokens.keys import Keyring
from tests.forgery import oracle
from tests.forgery.variants import AUDIENCE, ISSUER, NOW, REQUIRED, TYP, make_keyrings, make_token
from tests.unit.forge import unb64

REPEATED, INFINITE, ENCODING = "a repeated name", "a number that is not finite", "not plain UTF-8"
EXTENDED, NO_INTEGER = "crit or b64 in the header", "exp or nbf is not an integer"
REASONS = {REPEATED, INFINITE, ENCODING, EXTENDED, NO_INTEGER}


def find_reasons(token: str) -> set[str]:
    """The reasons for which the codec refuses a token that PyJWT may accept."""
    reasons: set[str] = set()
    parsed = [_parse(unb64(segment), reasons) for segment in token.split(".")[:2]]
    header, claims = parsed
    if {"crit", "b64"} & header.keys():
        reasons.add(EXTENDED)
    if any(name in claims and type(claims[name]) is not int for name in ("exp", "nbf")):
        reasons.add(NO_INTEGER)
    return reasons


def _parse(content: bytes, reasons: set[str]) -> dict[str, Any]:
    def to_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            reasons.add(REPEATED)
        return dict(pairs)

    parsed = json.loads(content, object_pairs_hook=to_object)
    if any(isinstance(leaf, float) and not math.isfinite(leaf) for leaf in _leaves(parsed)):
        reasons.add(INFINITE)
    try:
        plain = not content.decode().startswith("\ufeff") and b"\0" not in content
    except UnicodeDecodeError:
        plain = False
    if not plain:
        reasons.add(ENCODING)
    return dict(parsed)


def _leaves(value: Any) -> Iterator[Any]:
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list):
            pending += value
        else:
            yield value


def compare(token: str, keyring: Keyring, **options: Any) -> str:
    """Decode with both; return the common outcome, or why the codec refuses more.

    Raises:
        AssertionError: the codec accepts more, returns other claims, or refuses without a reason.

    """
    options = {"leeway": timedelta(seconds=5), "required": REQUIRED, **options}

    def outcome(decode: Callable[..., dict[str, Any]]) -> Any:
        try:
            return decode(
                token, typ=TYP, keyring=keyring, issuer=ISSUER, audience=AUDIENCE, **options
            )
        except ExpiredTokenError:
            return "expired"
        except InvalidTokenError:
            return "invalid"

    new, old = outcome(codec.decode), outcome(oracle.decode)
    if isinstance(new, dict):
        # As text: a number must not pass for another type.
        assert isinstance(old, dict), f"accepted, and {old} for PyJWT: {token!r}"
        assert repr(sorted(old)) == repr(sorted(new)), token
        assert json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True), token
        assert not find_reasons(token), token
        return "accepted"
    if new == old:
        return str(new)
    assert new == "invalid", f"{new}, and {old} for PyJWT: {token!r}"
    reasons = find_reasons(token)
    assert reasons, f"refused without a reason: {token!r}"
    return min(reasons)


def run(count: int, seed: int) -> Counter[str]:
    """Compare random tokens."""
    rng, keyrings, counts = Random(seed), make_keyrings(), Counter[str]()  # noqa: S311
    with time_machine.travel(NOW, tick=False):
        for _ in range(count):
            keyring = rng.choice(keyrings)
            token = make_token(rng, keyring)
            counts[compare(token, keyring, verify_exp=rng.random() < 0.8)] += 1
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django  # noqa: PLC0415

    django.setup()
    print(run(arguments.count, arguments.seed))  # noqa: T201  (for the user of the command)
    return 0


if __name__ == "__main__":
    sys.exit(main())
