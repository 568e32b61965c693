"""CPU time of DPoP proofs, as ratios to the same requests without a key.

    DATABASE_URL=postgres://… python -m benchmarks.proofs

Without ``DATABASE_URL`` the database is SQLite. CPU time of Python and PostgreSQL, medians of
interleaved rounds. A refresh and a request with the keys of each algorithm, the verification of
the signature alone, and the additional bytes of a family.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from rest_framework.status import is_success

from benchmarks.cpu_time import measure
from benchmarks.project import echo, project

ALGORITHMS = ("ES256", "EdDSA", "RS256", "PS256")
BEARER = "no key"
WARM_UP = 10
"""Rounds that are not counted."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=150)
    rounds = parser.parse_args().rounds
    with project("refresh_sessions_proofs", **_SETTINGS):
        from django.contrib.auth import get_user_model

        get_user_model().objects.create_user("ada", password="password")  # noqa: S106
        clients = {name: _Client(name) for name in (BEARER, *ALGORITHMS)}
        for operation in ("refresh", "request"):
            _print(operation, clients, rounds)
        _print_signatures(rounds)
        _print_bytes()


_SETTINGS: dict[str, Any] = {
    "ROOT_URLCONF": "benchmarks.proofs_urls",
    "CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    "REFRESH_SESSIONS": {"DPOP_ACCESS_TOKENS": True},
    "REST_FRAMEWORK": {
        "DEFAULT_AUTHENTICATION_CLASSES": [
            "refresh_sessions.rest_framework.authentication.AccessTokenAuthentication"
        ],
        "DEFAULT_THROTTLE_RATES": {"session-login": None, "session-refresh": None},
    },
    "MIDDLEWARE": [],
}


class _Client:
    """A logged-in client; its proofs are made before the clock starts."""

    def __init__(self, algorithm: str) -> None:
        from rest_framework.test import APIClient

        from tests.binding.keys import GENUINE, BoundClient, ClientKey

        self.proof: str | None = None if algorithm == BEARER else GENUINE
        self.client = BoundClient(APIClient(), key=ClientKey(algorithm))
        credentials = {"username": "ada", "password": "password"}
        _require_success(self.client.log_in(credentials, proof=self.proof))

    def prepare(self, operation: str) -> Callable[[], Any]:
        client, key = self.client, self.client.key
        if operation == "refresh":
            # A family with a rotation answers the next refresh with a rotation after the overlap.
            from refresh_sessions.models import TokenFamily

            TokenFamily.objects.update(rotated_at=None)
            proof = self.proof and key.proof("refresh/")
            return lambda: client.refresh(proof=proof)
        proof = self.proof and key.proof("/me/", method="GET", access=client.access)
        return lambda: client.request("get", "/me/", proof=proof, with_access=True)


def _print(operation: str, clients: dict[str, _Client], rounds: int) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in clients}
    for number in range(rounds + WARM_UP):
        for name, client in clients.items():
            answers: list[Any] = []
            used, _ = measure(partial(_append_result, answers, client.prepare(operation)))
            _require_success(answers[0])
            if number >= WARM_UP:
                seconds[name].append(used)
    base = statistics.median(seconds[BEARER])
    for name, measured in seconds.items():
        median = statistics.median(measured)
        more = (median - base) * 1e6
        echo(f"{operation:9} {name:7} {median * 1e6:8.0f} µs {more:+7.0f} µs {median / base:6.2f}")


def _append_result(results: list[Any], call: Callable[[], Any]) -> None:
    results.append(call())


def _require_success(answer: Any) -> None:
    if not is_success(answer.status_code):
        sys.exit(f"A request failed with {answer.status_code}: {answer.content}")


def _print_signatures(rounds: int) -> None:
    from refresh_sessions.tokens.proofs import decode_proof
    from tests.binding.keys import ClientKey

    for algorithm in ALGORITHMS:
        proofs = [ClientKey(algorithm).proof("refresh/") for _ in range(rounds)]
        used = [measure(partial(decode_proof, proof, typ="dpop+jwt"))[0] for proof in proofs]
        echo(f"proof     {algorithm:7} {statistics.median(used) * 1e6:8.0f} µs")


def _print_bytes() -> None:
    from django.db import connection

    from refresh_sessions.models import TokenFamily

    if connection.vendor != "postgresql":
        return
    table = connection.ops.quote_name(TokenFamily._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT binding, avg(pg_column_size(families)) FROM {table} AS families "  # noqa: S608
            "GROUP BY binding ORDER BY binding"
        )
        for binding, size in cursor.fetchall():
            echo(f"bytes     {binding or BEARER:7} {size:8.0f}")


if __name__ == "__main__":
    main()
