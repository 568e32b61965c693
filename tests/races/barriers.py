"""Barriers between the SELECT and the UPDATE of a refresh."""

import threading
from collections.abc import Callable
from typing import Any

from refresh_sessions.sessions import presented_token, refresh
from tests.races.runner import LONGEST_WAIT


def after_read(monkeypatch, do: Callable[[], Any]) -> None:
    """Call ``do`` in each thread after its first read of the row, before the token is judged."""
    local, judge_token = threading.local(), presented_token.judge_token

    def stopped(*args: Any, **kwargs: Any) -> Any:
        if not getattr(local, "been_here", False):
            local.been_here = True
            do()
        return judge_token(*args, **kwargs)

    monkeypatch.setattr(refresh, "judge_token", stopped)


def wait_for_readers(monkeypatch, parties: int) -> None:
    """Let no thread write before ``parties`` threads have read."""
    barrier = threading.Barrier(parties)
    after_read(monkeypatch, lambda: barrier.wait(LONGEST_WAIT))
