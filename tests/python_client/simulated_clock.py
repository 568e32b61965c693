"""A clock for client and server that moves when the client sleeps."""

from __future__ import annotations

from threading import Lock

YEAR = 365 * 86_400


class SimulatedClock:
    """Stands in for the module ``time`` in the client; ``now`` is the server's clock."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.error = 0.0
        """How far the client's clock is ahead of the server's."""
        self.slept: list[float] = []
        self._lock = Lock()

    def time(self) -> float:
        return self.now + self.error

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds

    def advance(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds
