"""Many presenters of one refresh token on all servers at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

from tests.faults.soak.clients import retry_until_answered
from tests.faults.soak.http_client import Answer, HttpClient
from tests.faults.soak.preparation import PASSWORD

PAUSE = 0.5


@dataclass(kw_only=True)
class Crowd:
    """Logs in and presents the first refresh token ``size`` times, again and again."""

    http: HttpClient
    username: str
    size: int
    sessions: list[str] = field(default_factory=list)

    def run(self, over: Event) -> None:
        with ThreadPoolExecutor(self.size) as pool:
            while not over.is_set():
                self._present(pool)
                time.sleep(PAUSE)

    def _present(self, pool: ThreadPoolExecutor) -> None:
        login = retry_until_answered(lambda: self.http.login(self.username, PASSWORD)).body
        self.sessions.append(login["session"]["id"])
        answers = list(pool.map(self.http.refresh, [login["refresh"]] * self.size))
        given = [answer for answer in answers if answer is not None and answer.status != 503]
        self._check(login["session"]["id"], given, complete=len(given) == self.size)

    def _check(self, session: str, given: list[Answer], *, complete: bool) -> None:
        statistics = self.http.statistics
        for answer in given:
            if answer.status != 200:
                statistics.add_violation(f"{session}: presenter {answer.status} {answer.code}")
        successors = {answer.body["refresh"] for answer in given if "refresh" in answer.body}
        statistics.count("presented tokens")
        # Without an answer, the only successor may be in the answer that is missing.
        if len(successors) > 1 or (complete and not successors):
            statistics.add_violation(f"{session}: {len(successors)} successors")
