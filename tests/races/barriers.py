"""Stopping a refresh between its SELECT and its UPDATE."""

import threading
from collections.abc import Callable
from typing import Any

from refresh_sessions.sessions import presented_token, refresh
from tests.races.runner import LONGEST_WAIT


def once_read(monkeypatch, do: Callable[[], Any]) -> None:
    """Have each thread call ``do`` when it first has read the row, and judge it only then."""
    local, judge_token = threading.local(), presented_token.judge_token

    def stopped(*args: Any, **kwargs: Any) -> Any:
        if not getattr(local, "been_here", False):
            local.been_here = True
            do()
        return judge_token(*args, **kwargs)

    monkeypatch.setattr(refresh, "judge_token", stopped)


def meet_once_read(monkeypatch, parties: int) -> None:
    """Let nobody write before so many threads have read."""
    barrier = threading.Barrier(parties)
    once_read(monkeypatch, lambda: barrier.wait(LONGEST_WAIT))
