"""Simultaneous refreshes of one token, as the tabs of a browser send them.

Each client has a thread and a database connection of its own. All of them share one storage: the
refresh token of the last response that contains one.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

from benchmarks.compare.ageing import let_time_pass
from benchmarks.compare.calls import Answer, Tokens
from benchmarks.compare.lanes import Lane

_CLIENT_ERRORS: Final = range(400, 500)
_LATER: Final = timedelta(hours=1)


def refresh_simultaneously(lane: Lane, clients: int, trials: int) -> list[dict[str, int]] | None:
    """Refresh one token from many threads; None if the package has no refresh."""
    lane.login_one()
    if lane.subject.refresh(lane.tokens[0]) is None:
        return None
    return [_run_trial(lane, clients) for _ in range(trials)]


def _run_trial(lane: Lane, clients: int) -> dict[str, int]:
    lane.login_one()
    first = lane.tokens[0]
    answers = _refresh_in_threads(lane, first, clients)
    successful = [answer for answer in answers if answer is not None and answer.successful]
    refused = [a for a in answers if a is not None and a.status in _CLIENT_ERRORS]
    read = lane.subject.read_refresh
    pairs = [read(first, answer) for answer in successful]
    # In the order of the responses: the storage has the last new token.
    new = [tokens for tokens in pairs if tokens.refresh != first.refresh]
    stored = new[-1] if new else first
    let_time_pass(lane.subject, _LATER)
    stored_works = _refreshes(lane, stored)
    others = {tokens.refresh: tokens for tokens in new if tokens.refresh != stored.refresh}
    chains = stored_works + sum(_refreshes(lane, tokens) for tokens in others.values())
    return {
        "successful": len(successful),
        "refused": len(refused),
        "failed": clients - len(successful) - len(refused),
        "logged_out": clients - len(successful) if stored_works else clients,
        "chains": chains,
    }


def _refresh_in_threads(lane: Lane, tokens: Tokens, clients: int) -> list[Answer | None]:
    barrier = threading.Barrier(clients)
    answers: list[Answer | None] = []

    def refresh() -> None:
        from django.db import connection

        call = lane.subject.refresh(tokens)
        if call is None:
            return
        answer = None
        try:
            connection.ensure_connection()
            barrier.wait(timeout=60)
            answer = lane.send(call)
        finally:
            answers.append(answer)
            connection.close()

    with ThreadPoolExecutor(clients) as pool:
        for _ in range(clients):
            pool.submit(refresh)
    return answers


def _refreshes(lane: Lane, tokens: Tokens) -> bool:
    call: Any = lane.subject.refresh(tokens)
    return lane.send(call).successful
