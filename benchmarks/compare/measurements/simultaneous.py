"""Simultaneous refreshes of one token, as the tabs of a browser send them.

Each client has a thread and a database connection of its own. All of them share one storage: the
refresh token of the last response that contains one.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

from benchmarks.compare.calls import Answer, Tokens
from benchmarks.compare.client_groups import ClientGroup
from benchmarks.compare.measurements.ageing import let_time_pass

_CLIENT_ERRORS: Final = range(400, 500)
_LATER: Final = timedelta(hours=1)


def refresh_simultaneously(
    group: ClientGroup, clients: int, trials: int
) -> list[dict[str, int]] | None:
    """Refresh one token from many threads; None if the package has no refresh."""
    group.login_one()
    if group.subject.refresh(group.tokens[0]) is None:
        return None
    return [_run_trial(group, clients) for _ in range(trials)]


def _run_trial(group: ClientGroup, clients: int) -> dict[str, int]:
    group.login_one()
    first = group.tokens[0]
    answers = _refresh_in_threads(group, first, clients)
    successful = [answer for answer in answers if answer is not None and answer.successful]
    refused = [a for a in answers if a is not None and a.status in _CLIENT_ERRORS]
    read = group.subject.read_refresh
    pairs = [read(first, answer) for answer in successful]
    # In the order of the responses: the storage has the last new token.
    new = [tokens for tokens in pairs if tokens.refresh != first.refresh]
    stored = new[-1] if new else first
    let_time_pass(group.subject, _LATER)
    stored_works = _refreshes(group, stored)
    others = {tokens.refresh: tokens for tokens in new if tokens.refresh != stored.refresh}
    chains = stored_works + sum(_refreshes(group, tokens) for tokens in others.values())
    return {
        "successful": len(successful),
        "refused": len(refused),
        "failed": clients - len(successful) - len(refused),
        "logged_out": clients - len(successful) if stored_works else clients,
        "chains": chains,
    }


def _refresh_in_threads(group: ClientGroup, tokens: Tokens, clients: int) -> list[Answer | None]:
    barrier = threading.Barrier(clients)
    answers: list[Answer | None] = []

    def refresh() -> None:
        from django.db import connection

        call = group.subject.refresh(tokens)
        if call is None:
            return
        answer = None
        try:
            connection.ensure_connection()
            barrier.wait(timeout=60)
            answer = group.send(call)
        finally:
            answers.append(answer)
            connection.close()

    with ThreadPoolExecutor(clients) as pool:
        for _ in range(clients):
            pool.submit(refresh)
    return answers


def _refreshes(group: ClientGroup, tokens: Tokens) -> bool:
    call: Any = group.subject.refresh(tokens)
    return group.send(call).successful
