"""Honest clients: several tabs, one storage, and an unreliable network."""

import json
import random
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

from tests.faults.soak.http_client import Answer, HttpClient

ANSWERED = {200, 409, 503}
SOON = 0.2

MOST_LOSSES_IN_A_ROW = 5
"""Nine consecutive lost answers revoke the session; a long random run would reach them."""


def generation_of(token: str) -> int:
    payload = token.split(".")[1]
    return int(json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["gen"])


@dataclass(kw_only=True)
class Client:
    """One device session, shared by tabs that refresh at random times."""

    http: HttpClient
    session: str
    access: str
    refresh: str
    tabs: int
    loss: float
    overlap: float
    rng: random.Random
    received: list[str] = field(default_factory=list)
    """All refresh tokens so far."""
    rounds_without: int = 0
    """Rounds since the last new refresh token."""

    def run(self, over: Event) -> None:
        """Refresh and call until the end of the run."""
        self.received.append(self.refresh)
        with ThreadPoolExecutor(self.tabs) as pool:
            while not over.is_set():
                self._round(pool)

    def _round(self, pool: ThreadPoolExecutor) -> None:
        held = self.refresh
        list(pool.map(self._refresh_in_tab, range(self.rng.randint(1, self.tabs))))
        for _ in range(self.rng.randint(2, 6)):
            self._call(self.access)
        if self.rng.random() < 0.5:
            # Within the overlap; lost answers are not recovered yet.
            time.sleep(self.overlap * self.rng.random() / 4)
            list(pool.map(self._refresh_in_tab, range(self.rng.randint(1, self.tabs))))
        self.rounds_without = 0 if self.refresh != held else self.rounds_without + 1
        time.sleep(self.overlap * self.rng.uniform(1.01, 1.2))

    def _refresh_in_tab(self, number: int) -> None:
        sent = self.refresh
        answer = self.http.refresh(sent, lose=self._choose_loss())
        if answer is None or answer.status == 503:
            time.sleep(SOON)
            answer = self.http.refresh(sent, lose=self._choose_loss())
        if answer is not None and self._is_expected("refresh", answer):
            self._store(sent, answer)

    def _store(self, sent: str, answer: Answer) -> None:
        if answer.status != 200:
            return
        access, refresh = answer.body["access"], answer.body.get("refresh")
        if refresh is not None:
            # The documented client: store a new token, otherwise keep the old one.
            self.access, self.refresh = access, refresh
            if refresh != sent:
                self._record(refresh)
        self._call(access)

    def _record(self, refresh: str) -> None:
        if generation_of(refresh) in map(generation_of, self.received):
            self.http.statistics.add_violation(f"{self.session}: a generation was issued twice")
        self.received.append(refresh)

    def _call(self, access: str) -> None:
        answer = self.http.call(access, lose=self._choose_loss())
        if answer is not None:
            self._is_expected("call", answer)

    def _is_expected(self, what: str, answer: Answer) -> bool:
        expected = answer.status in ANSWERED
        if not expected:
            self.http.statistics.add_violation(
                f"{self.session}: {what} {answer.status} {answer.body}"
            )
        return expected

    def _choose_loss(self) -> str:
        """Return how the answer to this request is lost, if at all."""
        is_lost = self.rng.random() < self.loss
        if not is_lost or self.rounds_without >= MOST_LOSSES_IN_A_ROW:
            return ""
        return self.rng.choice(["hang up", "ignore"])

    def is_usable(self) -> bool:
        """Whether the session can still be refreshed and used."""
        new = retry_until_answered(lambda: self.http.refresh(self.refresh))
        if new.status != 200 or new.body.get("refresh", self.refresh) == self.refresh:
            return False
        self.received.append(new.body["refresh"])
        self.access, self.refresh = new.body["access"], new.body["refresh"]
        return retry_until_answered(lambda: self.http.call(self.access)).status == 200

    def revokes_on_reuse(self) -> bool:
        """Whether the reuse of an old token revokes the session."""
        if len(self.received) < 3:
            # Within the overlap the token before the newest is accepted from siblings.
            time.sleep(self.overlap)
        old = retry_until_answered(lambda: self.http.refresh(self.received[0]))
        newest = retry_until_answered(lambda: self.http.call(self.access))
        return (old.code, newest.code) == ("session_revoked", "session_revoked")


def retry_until_answered(ask: Callable[[], Answer | None]) -> Answer:
    """Repeat a request until it has an answer other than 503."""
    for _ in range(100):
        answer = ask()
        if answer is not None and answer.status != 503:
            return answer
        time.sleep(SOON)
    raise TimeoutError("the server did not come back")
