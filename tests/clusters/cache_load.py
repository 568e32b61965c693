"""Clients that log in, call, refresh and log out while servers of the cache fail."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from tests.factories import PASSWORD, UserFactory
from tests.outages.workers import TIMEOUT, Workers
from tests.races.server import ask

CLIENTS = 6
CALLS = 6
"""Calls of each session before its logout."""

LONGEST_RESPONSE = 20.0


@dataclass
class Load:
    """Clients in threads, and what they have seen."""

    workers: Workers
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    from_cache: int = 0
    """Calls that were answered without a query since the last reset."""
    slowest: float = 0.0
    stale: list[float] = field(default_factory=list)
    """The ages of revocations at the time of an accepted call."""
    problems: list[str] = field(default_factory=list)
    revoked: list[tuple[str, float]] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    """How long each failure kept the cache from use."""
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self, name: str) -> None:
        while not self.stopped.is_set():
            try:
                self.live_one_session(name)
                self.check_revoked()
            except Exception as error:
                self.problems.append(repr(error))
                raise

    def live_one_session(self, name: str) -> None:
        login = {"username": name, "password": PASSWORD}
        tokens = self.post("login", "/auth/login/", login, expected=200)
        for _ in range(CALLS):
            self.call(tokens["access"], expected=200)
        new = self.post("refresh", "/auth/refresh/", {"refresh": tokens["refresh"]}, expected=200)
        for _ in range(CALLS):
            self.call(new["access"], expected=200)
        self.post("logout", "/auth/logout/", {"refresh": new["refresh"]}, expected=204)
        self.revoked.append((new["access"], time.monotonic()))

    def check_revoked(self) -> None:
        for access, since in self.revoked[-20:]:
            started = time.monotonic()
            if self.call(access).status == 200:
                self.stale.append(started - since)

    def call(self, access: str, *, expected: int | None = None) -> Any:
        started = time.monotonic()
        answer = self.workers.ask(SimpleNamespace(access=access))
        self.note("call", answer.status, expected, started)
        self.from_cache += answer.status == 200 and answer.queries == 0
        return answer

    def post(self, action: str, path: str, body: dict[str, str], *, expected: int) -> Any:
        started = time.monotonic()
        answer = ask(self.workers.port, "POST", path, body)
        self.note(action, answer.status, expected, started)
        return answer.body

    def note(self, action: str, status: int, expected: int | None, started: float) -> None:
        self.slowest = max(self.slowest, time.monotonic() - started)
        self.statuses[action, status] += 1
        if expected is not None and status != expected:
            self.problems.append(f"{action}: {status}")

    def reset(self) -> None:
        self.from_cache = 0

    def wait_for_cache(self, within: float) -> None:
        """Wait until calls are answered without queries again."""
        self.reset()
        started = time.monotonic()
        while self.from_cache < 3 * CALLS:
            assert time.monotonic() < started + within, "the cache is not used again"
            time.sleep(0.05)
        self.recoveries.append(time.monotonic() - started)

    def check(self) -> None:
        """Check the whole run, and print its measurements."""
        recoveries = ", ".join(f"{seconds:.1f} s" for seconds in self.recoveries)
        print(f"statuses: {dict(self.statuses)}")  # noqa: T201
        print(f"stale: {max(self.stale, default=0.0):.3f} s in {len(self.stale)} calls")  # noqa: T201
        print(f"from the cache after: {recoveries}; slowest: {self.slowest:.2f} s")  # noqa: T201
        assert self.problems == []
        assert {status for _, status in self.statuses} <= {200, 204, 401}
        assert max(self.stale, default=0.0) <= TIMEOUT
        assert self.slowest < LONGEST_RESPONSE


@contextmanager
def running(workers: Workers) -> Iterator[Load]:
    """Run clients until the end of the block, and check what they have seen."""
    load = Load(workers)
    names = [UserFactory.create().get_username() for _ in range(CLIENTS)]
    threads = [threading.Thread(target=load.run, args=[name]) for name in names]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.stopped.set()
        for thread in threads:
            thread.join()
    load.check()
