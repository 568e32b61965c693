"""Honest clients: several tabs, one storage, and a network that loses what it likes."""

import json
import random
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

from tests.faults.soaking.wire import Answer, Wire

ANSWERED = {200, 409, 503}
SOON = 0.2

MOST_LOSSES_IN_A_ROW = 5
"""Of nine in a row the rule makes an end, and in a long run chance would get there."""


def generation_of(token: str) -> int:
    payload = token.split(".")[1]
    return int(json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["gen"])


@dataclass(kw_only=True)
class Client:
    """One device session, shared by tabs, each of which refreshes when it likes."""

    wire: Wire
    session: str
    access: str
    refresh: str
    tabs: int
    loss: float
    overlap: float
    chance: random.Random
    received: list[str] = field(default_factory=list)
    """All refresh tokens so far."""
    rounds_without: int = 0
    """Rounds since a new refresh token arrived."""

    def live(self, over: Event) -> None:
        """Refresh and call until it is over."""
        self.received.append(self.refresh)
        with ThreadPoolExecutor(self.tabs) as pool:
            while not over.is_set():
                self._round(pool)

    def _round(self, pool: ThreadPoolExecutor) -> None:
        held = self.refresh
        list(pool.map(self._tab, range(self.chance.randint(1, self.tabs))))
        for _ in range(self.chance.randint(2, 6)):
            self._call(self.access)
        if self.chance.random() < 0.5:
            # Within the overlap; what was lost is not made good yet.
            time.sleep(self.overlap * self.chance.random() / 4)
            list(pool.map(self._tab, range(self.chance.randint(1, self.tabs))))
        self.rounds_without = 0 if self.refresh != held else self.rounds_without + 1
        time.sleep(self.overlap * self.chance.uniform(1.01, 1.2))

    def _tab(self, number: int) -> None:
        sent = self.refresh
        answer = self.wire.refresh(sent, lose=self._fate())
        if answer is None or answer.status == 503:
            time.sleep(SOON)
            answer = self.wire.refresh(sent, lose=self._fate())
        if answer is not None and self._is_fair("refresh", answer):
            self._keep(sent, answer)

    def _keep(self, sent: str, answer: Answer) -> None:
        if answer.status != 200:
            return
        access, refresh = answer.body["access"], answer.body.get("refresh")
        if refresh is not None:
            # As it should be written: what comes is stored, and what does not come is kept.
            self.access, self.refresh = access, refresh
            if refresh != sent:
                self._note(refresh)
        self._call(access)

    def _note(self, refresh: str) -> None:
        if generation_of(refresh) in map(generation_of, self.received):
            self.wire.ledger.violated(f"{self.session}: a generation was issued twice")
        self.received.append(refresh)

    def _call(self, access: str) -> None:
        answer = self.wire.call(access, lose=self._fate())
        if answer is not None:
            self._is_fair("call", answer)

    def _is_fair(self, what: str, answer: Answer) -> bool:
        fair = answer.status in ANSWERED
        if not fair:
            self.wire.ledger.violated(f"{self.session}: {what} {answer.status} {answer.body}")
        return fair

    def _fate(self) -> str:
        """How this request's answer gets lost, if it does."""
        unlucky = self.chance.random() < self.loss
        if not unlucky or self.rounds_without >= MOST_LOSSES_IN_A_ROW:
            return ""
        return self.chance.choice(["hang up", "ignore"])

    def ends_well(self) -> bool:
        """After all: the session can be refreshed and used."""
        new = insist(lambda: self.wire.refresh(self.refresh))
        if new.status != 200 or new.body.get("refresh", self.refresh) == self.refresh:
            return False
        self.received.append(new.body["refresh"])
        self.access, self.refresh = new.body["access"], new.body["refresh"]
        return insist(lambda: self.wire.call(self.access)).status == 200

    def has_one_lineage(self) -> bool:
        """The last act: an old token is refused, and ends it all."""
        if len(self.received) < 3:
            # The one before the newest is a sibling's until the overlap is over.
            time.sleep(self.overlap)
        old = insist(lambda: self.wire.refresh(self.received[0]))
        newest = insist(lambda: self.wire.call(self.access))
        return (old.code, newest.code) == ("session_revoked", "session_revoked")


def insist(ask: Callable[[], Answer | None]) -> Answer:
    """Ask until there is an answer that decides something."""
    for _ in range(100):
        answer = ask()
        if answer is not None and answer.status != 503:
            return answer
        time.sleep(SOON)
    raise TimeoutError("the server did not come back")
