"""Clients that log in, refresh, call and log out, again and again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from tests.faults.soak.clients import SOON
from tests.faults.soak.http_client import Answer, HttpClient
from tests.faults.soak.preparation import PASSWORD

PAUSE = 0.3
LONGEST_OUTAGE = 90.0

Send = Callable[[str], Answer | None]
"""Sends a request; the argument tells how its answer is lost, if at all."""


@dataclass(frozen=True)
class EndedSession:
    """A session after its logout, with its newest tokens."""

    session: str
    access: str
    refresh: str


@dataclass(kw_only=True)
class Visitor:
    """One user whose sessions are short."""

    http: HttpClient
    username: str
    loss: float
    rng: random.Random
    ended: list[EndedSession] = field(default_factory=list)

    def run(self, over: Event) -> None:
        while not over.is_set():
            if session := self._visit():
                self.ended.append(session)
                self.check(session)
            time.sleep(PAUSE)

    def _visit(self) -> EndedSession | None:
        """Use one session until its logout; None if a request failed."""
        login = self._send("login", 200, self._login)
        if login is None:
            return None
        session, held = login.body["session"]["id"], login.body["refresh"]
        self._send("call", 200, lambda lose: self.http.call(login.body["access"], lose=lose))
        new = self._send("refresh", 200, lambda lose: self.http.refresh(held, lose=lose))
        if new is None:
            return None
        access, refresh = new.body["access"], new.body.get("refresh", held)
        self._send("call", 200, lambda lose: self.http.call(access, lose=lose))
        gone = self._send("logout", 204, lambda lose: self._logout(refresh, lose))
        return EndedSession(session, access, refresh) if gone else None

    def check(self, session: EndedSession) -> None:
        """The tokens of a session that has ended are refused by every server."""
        self._send("call after logout", 401, lambda lose: self.http.call(session.access))
        self._send("refresh after logout", 401, lambda lose: self.http.refresh(session.refresh))

    def _login(self, lose: str) -> Answer | None:
        body = {"username": self.username, "password": PASSWORD}
        return self.http.post("/auth/login/", body, lose=lose)

    def _logout(self, refresh: str, lose: str) -> Answer | None:
        return self.http.post("/auth/logout/", {"refresh": refresh}, lose=lose)

    def _send(self, what: str, expected: int, send: Send) -> Answer | None:
        """Repeat a request after a lost answer or 503; record any other status."""
        deadline = time.monotonic() + LONGEST_OUTAGE
        while time.monotonic() < deadline:
            lose = self.rng.choice(["hang up", "ignore"]) if self.rng.random() < self.loss else ""
            answer = send(lose)
            if answer is None or answer.status == 503:
                time.sleep(SOON)
                continue
            if answer.status == expected:
                return answer
            self.http.statistics.add_violation(
                f"{self.username}: {what} {answer.status} {answer.code}"
            )
            return None
        self.http.statistics.add_violation(f"{self.username}: {what} has no answer")
        return None
