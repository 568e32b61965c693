"""What the presenters of each race were told, added up for the table of ``tox -e races``."""

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from refresh_sessions.exceptions import RefreshSessionsError
from refresh_sessions.rest_framework.exceptions import SessionAPIException
from refresh_sessions.sessions import TokenPair
from tests.races.statuses import ACCESS_ONLY, REFRESH


class Statistics:
    """One test's races."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.presenters = 0
        self.rounds = 0
        self.retries = 0
        self.live: set[int] = set()
        self.statuses: Counter[str] = Counter()

    def add(self, answers: Iterable[Any], *, live: int) -> None:
        """Count one round: what was answered, and how many lineages of tokens live on."""
        told = [status for status in map(status_of, answers) if status]
        self.rounds += 1
        self.presenters = max(self.presenters, len(told))
        self.statuses.update(told)
        self.live.add(live)

    def write(self) -> None:
        """Add a line to the report, if somebody wants one and there was a race."""
        report = os.environ.get("REFRESH_SESSIONS_RACES_REPORT")
        if report and self.rounds:
            line = {**vars(self), "live": sorted(self.live)}
            with Path(report).open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(line)}\n")


def status_of(answer: Any) -> str | None:
    """What an answer is over HTTP; None for an answer to another question than for tokens."""
    if isinstance(answer, TokenPair):
        return REFRESH if answer.refresh else ACCESS_ONLY
    if isinstance(answer, RefreshSessionsError):
        return str(SessionAPIException(answer).status_code)
    status = getattr(answer, "status", None)
    if status == 200:
        return REFRESH if "refresh" in answer.body else ACCESS_ONLY
    return str(status) if status else None
