"""Fuzz token verification: ``python -m tests.forgery.fuzz --minutes 10``.

Hypothesis generates texts that resemble tokens, and modifications of genuine tokens. Verification
must raise ``InvalidTokenError`` unless the text is exactly an issued token. Anything else is a
finding, shown with the text.
"""

from __future__ import annotations

import argparse
import json
import os
import string
import sys
import time
from collections import Counter
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ALPHABET = string.ascii_letters + string.digits + "-_"
NAMES = ["alg", "typ", "kid", "crit", "b64", "jwk", "jku", "zip", "enc"]
CLAIMS = ["iss", "aud", "sub", "exp", "iat", "jti", "sid", "fid", "gen", "amr", "nbf", "secret"]
WORDS = ["HS256", "ES256", "none", "at+jwt", "rt+jwt", "JWT", "refresh_sessions", "1", ""]


def json_values() -> st.SearchStrategy[Any]:
    scalars = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.integers(-(2**70), 2**70)
        | st.floats()
        | st.text(max_size=30)
        | st.sampled_from(WORDS)
    )
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=10,
    )


def objects(names: list[str]) -> st.SearchStrategy[bytes]:
    """JSON that resembles a header or a payload, or arbitrary bytes."""
    keys = st.sampled_from(names) | st.text(max_size=8)
    return (
        st.dictionaries(keys, json_values(), max_size=6).map(lambda o: json.dumps(o).encode())
        | json_values().map(lambda o: json.dumps(o).encode())
        | st.binary(max_size=60)
    )


def encoded(parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[str]:
    from tests.unit.forge import b64  # noqa: PLC0415  (Django has to be set up first)

    return parts.map(b64)


def texts(genuine: list[str]) -> st.SearchStrategy[str]:
    """Texts that resemble tokens, and modified genuine tokens."""
    pieces = [piece for token in genuine for piece in token.split(".")]
    part = (
        encoded(objects(NAMES))
        | encoded(objects(CLAIMS))
        | st.sampled_from(pieces)
        | st.text(ALPHABET, max_size=90)
    )
    joined = st.lists(part, min_size=1, max_size=6).map(".".join)
    cut = st.tuples(st.sampled_from(genuine), st.integers(0, 900), st.integers(0, 40), st.text())
    spliced = cut.map(lambda c: c[0][: c[1]] + c[3] + c[0][c[1] + c[2] :])
    return joined | spliced | st.text(max_size=120) | st.text(ALPHABET + ".=", max_size=200)


def check(verify: Callable[[str], Any], token: str, genuine: list[str]) -> str:
    """Verify a token and return the outcome.

    Raises:
        AssertionError: a token was accepted that was not issued.

    """
    from refresh_sessions.exceptions import InvalidTokenError  # noqa: PLC0415

    try:
        verify(token)
    except InvalidTokenError:
        return "refused"
    assert token in genuine, f"accepted: {token!r}"
    return "genuine"


def sign_genuinely(payload: bytes, header: bytes, genuine: str) -> str:
    """Sign any header and payload with the genuine key, to test the checks after the signature."""
    from refresh_sessions.tokens.keys import Purpose  # noqa: PLC0415
    from tests.forgery.tokens import key_of, sign  # noqa: PLC0415
    from tests.unit.forge import parts  # noqa: PLC0415

    original = parts(genuine)[0]
    return sign(header or original, payload, key_of(Purpose.ACCESS))


def run(minutes: float, number: int, *, examples: int = 2000) -> Counter[str]:
    """Fuzz in rounds until the time is over; ``number`` seeds the random generator."""
    from refresh_sessions.tokens import access_tokens, refresh_tokens  # noqa: PLC0415
    from tests.unit.valid_tokens import access_token, refresh_token  # noqa: PLC0415

    genuine, counts = [access_token(), refresh_token()], Counter[str]()
    end = time.monotonic() + minutes * 60
    options = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    rounds = number
    while True:

        @seed(rounds)
        @options
        @given(token=texts(genuine), payload=objects(CLAIMS), header=st.just(b"") | objects(NAMES))
        def one_round(token: str, payload: bytes, header: bytes) -> None:
            for verify in (access_tokens.verify, refresh_tokens.verify):
                counts[check(verify, token, genuine)] += 1
            signed = sign_genuinely(payload, header, genuine[0])
            counts[check(access_tokens.verify, signed, genuine)] += 1

        one_round()
        if time.monotonic() >= end:
            return counts
        rounds += 1


def run_guided(minutes: float, number: int) -> None:
    """Fuzz with coverage guidance until the time is over.

    Requires ``pip install atheris`` and ends the process. The input of a finding is written to the
    file in the last line of output.
    """
    import django  # noqa: PLC0415

    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["json", "jwt", "refresh_sessions.tokens"]):
        django.setup()
        from refresh_sessions.tokens import access_tokens, refresh_tokens  # noqa: PLC0415
        from tests.unit.forge import unb64  # noqa: PLC0415
        from tests.unit.valid_tokens import access_token, refresh_token  # noqa: PLC0415

    genuine = [access_token(), refresh_token()]
    header, payload, _signature = map(unb64, genuine[0].split("."))

    def present(data: bytes) -> None:
        """The first byte selects the rest: a payload, a header, or a whole token."""
        kind, content = data[:1], data[1:]
        if kind in {b"p", b"h"}:
            pieces = (content, b"") if kind == b"p" else (payload, content)
            signed = sign_genuinely(*pieces, genuine[0])
            # The signature is genuine, so the token may be valid; any other error is a finding.
            check(access_tokens.verify, signed, [signed])
            return
        for verify in (access_tokens.verify, refresh_tokens.verify):
            check(verify, content.decode("latin-1"), genuine)

    seeds = [b"p" + payload, b"h" + header, *(b"t" + token.encode() for token in genuine)]
    start_guided(present, seeds, minutes, number)


def start_guided(
    present: Callable[[bytes], None], seeds: Iterable[bytes], minutes: float, number: int
) -> None:
    """Call ``present`` with texts that begin as the seeds, and end the process."""
    atheris: Any = import_module("atheris")
    with TemporaryDirectory() as start:
        for position, content in enumerate(seeds):
            Path(start, str(position)).write_bytes(content)
        limits = [f"-max_total_time={int(minutes * 60)}", f"-seed={number}", "-max_len=4200"]
        atheris.Setup([sys.argv[0], *limits, start], present)
        atheris.Fuzz()


def run_command(
    description: str,
    what: str,
    run: Callable[[float, int], Counter[str]],
    run_guided: Callable[[float, int], None],
) -> int:
    """Read the arguments of the command, fuzz, and print a summary."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--guided", action="store_true", help="by coverage; needs atheris")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)  # noqa: T201  (for the user of the command)
    if arguments.guided:
        run_guided(arguments.minutes, arguments.seed)
    import django  # noqa: PLC0415

    django.setup()
    counts = run(arguments.minutes, arguments.seed)
    summary = f"{counts.total()} {what}: {dict(counts)}; nothing else happened"
    print(summary)  # noqa: T201
    return 0


def main() -> int:
    return run_command(__doc__.splitlines()[0], "tokens", run, run_guided)


if __name__ == "__main__":
    sys.exit(main())
