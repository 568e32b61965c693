"""HTTP requests over real connections that may fail, and shared statistics."""

import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from threading import Lock
from typing import Any

from tests.faults.soak.request_age import SENT_AT

HOST = "127.0.0.1"
TIMEOUT = 30.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))


@dataclass
class Statistics:
    """Counts and violations so far, shared by threads."""

    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    slowest: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def sent(self, who: str) -> None:
        with self._lock:
            self.requests[who] += 1

    def answered(self, who: str, answer: Answer, seconds: float) -> None:
        with self._lock:
            self.slowest = max(self.slowest, seconds)
            self.statuses[f"{who} {answer.status} {answer.code}".strip()] += 1

    def add_violation(self, what: str) -> None:
        with self._lock:
            self.violations.append(what)


@dataclass(kw_only=True)
class HttpClient:
    """Sends the requests of one group of clients, each to one of the servers."""

    who: str
    ports: Sequence[int]
    statistics: Statistics

    def login(self, username: str, password: str) -> Answer | None:
        return self.post("/auth/login/", {"username": username, "password": password})

    def refresh(self, token: str, *, lose: str = "") -> Answer | None:
        return self.post("/auth/refresh/", {"refresh": token}, lose=lose)

    def call(self, access: str, *, lose: str = "") -> Answer | None:
        headers = {"Authorization": f"Bearer {access}"}
        return self._exchange("GET", "/api/me/", None, headers, lose)

    def post(self, path: str, body: dict[str, str], *, lose: str = "") -> Answer | None:
        headers = {"Content-Type": "application/json"}
        return self._exchange("POST", path, json.dumps(body), headers, lose)

    def _exchange(self, method, path, body, headers, lose) -> Answer | None:
        """Send a request; return None if the answer is lost or the connection broke.

        ``lose="hang up"`` disconnects before the answer, ``lose="ignore"`` discards the answer.
        """
        self.statistics.sent(self.who)
        started = time.monotonic()
        headers = {**headers, "Connection": "close", SENT_AT: str(time.time())}
        connection = HTTPConnection(HOST, random.choice(self.ports), timeout=TIMEOUT)  # noqa: S311
        try:
            connection.request(method, path, body, headers)
            if lose == "hang up":
                self.statistics.count("answers lost")
                return None
            response = connection.getresponse()
            answer = Answer(status=response.status, body=_object(response.read()))
        except (OSError, HTTPException):
            self.statistics.count("connections broken")
            return None
        finally:
            connection.close()
        self.statistics.answered(self.who, answer, time.monotonic() - started)
        if answer.status >= 500 and answer.status != 503:
            self.statistics.add_violation(f"{method} {path} answered {answer.status}")
        if lose:
            self.statistics.count("answers lost")
            return None
        return answer


def _object(text: bytes) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
