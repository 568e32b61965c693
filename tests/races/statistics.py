"""Statistics of the answers in each race, for the table of ``tox -e races``."""

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
    """The races of one test."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.presenters = 0
        self.rounds = 0
        self.retries = 0
        self.live: set[int] = set()
        self.statuses: Counter[str] = Counter()

    def add(self, answers: Iterable[Any], *, live: int) -> None:
        """Add one round: its answers, and the number of usable tokens."""
        columns = [status for status in map(status_of, answers) if status]
        self.rounds += 1
        self.presenters = max(self.presenters, len(columns))
        self.statuses.update(columns)
        self.live.add(live)

    def write(self) -> None:
        """Append a line to the report, if there was a race and a report is requested."""
        report = os.environ.get("REFRESH_SESSIONS_RACES_REPORT")
        if report and self.rounds:
            line = {**vars(self), "live": sorted(self.live)}
            with Path(report).open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(line)}\n")


def status_of(answer: Any) -> str | None:
    """Return the answer's column of the table; None if the answer is not to a refresh token."""
    if isinstance(answer, TokenPair):
        return REFRESH if answer.refresh else ACCESS_ONLY
    if isinstance(answer, RefreshSessionsError):
        return str(SessionAPIException(answer).status_code)
    status = getattr(answer, "status", None)
    if status == 200:
        return REFRESH if "refresh" in answer.body else ACCESS_ONLY
    return str(status) if status else None
