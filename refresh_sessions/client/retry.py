"""Retry: repeat what failed transiently, within a bound, and at most once per second."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from refresh_sessions.client.errors import TransientError

_Result = TypeVar("_Result")

_MAX_BACKOFF: Final = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long one operation tries."""

    attempts: int = 4
    """Attempts of one operation. The server accepts eight retries of one lost refresh."""
    max_wait: float = 30.0
    """Seconds that all pauses of one operation may take together, ``Retry-After`` included."""
    min_interval: float = 1.0
    """Seconds between two attempts; each further attempt doubles them."""


class Pace:
    """The attempts of one kind of request. Callers exclude each other with the storage's lock."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._next_at = 0.0

    def run(
        self, attempt: Callable[[], _Result], *, patient: bool = True, first_pause: float = 0.0
    ) -> _Result:
        """Call ``attempt`` until it raises no ``TransientError``.

        Args:
            attempt: sends one request.
            patient: False makes one attempt, and none if that needs a pause.
            first_pause: the least pause before the first attempt.

        """
        budget = self._policy.max_wait if patient else 0.0
        attempts = self._policy.attempts if patient else 1
        error: TransientError | None = None
        for number in range(1, attempts + 1):
            pause = max(self._next_at - time.monotonic(), first_pause if number == 1 else 0.0, 0.0)
            if pause > budget:
                raise _too_long(error, pause)
            budget -= pause
            if pause:
                time.sleep(pause)
            self._next_at = time.monotonic() + self._policy.min_interval
            try:
                return attempt()
            except TransientError as caught:
                error = caught
                self._postpone(caught.retry_after, number)
        raise error or _too_long(error, 0.0)

    def _postpone(self, retry_after: float | None, number: int) -> None:
        backoff = min(self._policy.min_interval * 2 ** (number - 1), _MAX_BACKOFF)
        # Processes that failed together must not retry together.
        backoff *= random.uniform(1.0, 1.25)  # noqa: S311
        pause = backoff if retry_after is None else max(retry_after, self._policy.min_interval)
        self._next_at = time.monotonic() + pause


def _too_long(error: TransientError | None, pause: float) -> TransientError:
    return TransientError(
        f"The server cannot be asked again for {pause:.0f} seconds. Try again after that; the "
        "tokens are kept.",
        code=error.code if error else "too_early",
        status=error.status if error else None,
        retry_after=pause,
    )
