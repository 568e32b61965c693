"""Fuzz the verification of proofs: ``python -m tests.binding.fuzz --minutes 10``.

Texts that resemble proofs, and proofs with any header and payload under a genuine signature. The
verification must raise ``InvalidDPoPProofError``, or accept a text that its key has signed. Any
other error is a finding, shown with the text. The same texts are sent as proofs of a device key,
which have no challenge and must be refused.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from importlib import import_module
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st

from tests.forgery.fuzz import json_values, objects, run_command, start_guided, texts

NAMES = ["typ", "alg", "jwk", "kid", "crit", "b64"]
MEMBERS = ["kty", "crv", "x", "y", "n", "e", "d", "k", "alg", "use"]
CLAIMS = ["jti", "htm", "htu", "iat", "ath", "nonce", "exp", "nbf"]
PATH = "/auth/refresh/"


def verify(text: str) -> str:
    """Present a proof, and return "accepted" or the reason of the refusal."""
    from django.test import RequestFactory  # noqa: PLC0415  (Django has to be set up first)

    from refresh_sessions.binding.dpop import use_proof  # noqa: PLC0415
    from refresh_sessions.exceptions import InvalidDPoPProofError  # noqa: PLC0415

    request = RequestFactory().post(PATH)
    request.META["HTTP_DPOP"] = text
    try:
        use_proof(request)
    except InvalidDPoPProofError as error:
        return error.reason.value
    return "accepted"


def verify_device(text: str) -> str:
    """Present a proof of a device key, and return the reason of the refusal."""
    from django.test import RequestFactory  # noqa: PLC0415  (Django has to be set up first)

    from refresh_sessions.binding.dbsc import read_session_id, verify_registration  # noqa: PLC0415
    from refresh_sessions.exceptions import InvalidDeviceProofError  # noqa: PLC0415

    request = RequestFactory().post(PATH)
    request.META["HTTP_SECURE_SESSION_RESPONSE"] = text
    request.META["HTTP_SEC_SECURE_SESSION_ID"] = text
    read_session_id(request)
    try:
        verify_registration(request, UUID(int=0))
    except InvalidDeviceProofError as error:
        return f"device {error.reason.value}"
    raise AssertionError(f"accepted: {text!r}")


def headers(genuine: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Headers that differ from the genuine one in some members."""
    jwks = st.dictionaries(st.sampled_from(MEMBERS), json_values(), max_size=4).map(
        lambda members: {**genuine["jwk"], **members}
    )
    changed = st.dictionaries(st.sampled_from(NAMES), json_values() | jwks, max_size=3)
    return changed.map(lambda members: {**genuine, **members}) | objects(NAMES)


def payloads(genuine: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Payloads that differ from the genuine one in some claims."""
    changed = st.dictionaries(st.sampled_from(CLAIMS), json_values(), max_size=3)
    return changed.map(lambda claims: {**genuine, **claims}) | objects(CLAIMS)


def run(minutes: float, number: int, *, examples: int = 2000) -> Counter[str]:
    """Fuzz in rounds until the time is over; ``number`` seeds the random generator."""
    from tests.binding.keys import ClientKey  # noqa: PLC0415
    from tests.unit.forge import parts  # noqa: PLC0415

    key, counts = ClientKey(), Counter[str]()
    genuine = key.proof(PATH)
    header, payload = parts(genuine)
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
        @given(text=texts([genuine]), header=headers(header), payload=payloads(payload))
        def one_round(text: str, header: Any, payload: Any) -> None:
            outcome = verify(text)
            assert outcome != "accepted" or text == genuine, f"accepted: {text!r}"
            counts[outcome] += 1
            counts[verify_device(text)] += 1
            signed = key.sign(header, payload)
            counts[verify_device(f'"{signed}"')] += 1
            outcome = verify(signed)
            # A genuine signature under the typ of a proof: the claims decide.
            assert outcome != "accepted" or parts(signed)[0]["typ"] == "dpop+jwt", signed
            counts[outcome] += 1

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
    included = ["json", "jwt", "refresh_sessions.tokens", "refresh_sessions.binding"]
    with atheris.instrument_imports(include=included):
        django.setup()
        from tests.binding.keys import ClientKey  # noqa: PLC0415
        from tests.unit.forge import unb64  # noqa: PLC0415

    key = ClientKey()
    genuine = key.proof(PATH)
    header, payload, _signature = map(unb64, genuine.split("."))
    device = header.replace(b"dpop+jwt", b"dbsc+jwt")

    def present(data: bytes) -> None:
        """The first byte selects the rest: a payload, a header, or a whole proof, of each kind."""
        kind, content = data[:1], data[1:]
        if kind == b"p":
            verify(key.sign(header, content))
        elif kind == b"h":
            verify(key.sign(content, payload))
        elif kind in {b"d", b"e"}:
            signed = key.sign(*((device, content) if kind == b"d" else (content, payload)))
            verify_device(f'"{signed}"')
        elif kind == b"s":
            verify_device(content.decode("latin-1"))
        else:
            text = content.decode("latin-1")
            assert verify(text) != "accepted" or text == genuine

    seeds = [b"p" + payload, b"h" + header, b"t" + genuine.encode()]
    seeds += [b"d" + payload, b"e" + device, b"s" + f'"{genuine}"'.encode()]
    start_guided(present, seeds, minutes, number)


def main() -> int:
    return run_command(__doc__.splitlines()[0], "proofs", run, run_guided)


if __name__ == "__main__":
    sys.exit(main())
