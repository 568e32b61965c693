"""Storages: the protocol that projects implement, and the storage in memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol
from weakref import WeakSet

from refresh_sessions.client.errors import LoginRequiredError, TransientError
from refresh_sessions.client.tokens import Tokens


class Storage(Protocol):
    """Where tokens are kept. All clients of one session share one storage.

    ``Tokens.to_json`` and ``Tokens.from_json`` convert tokens to text. Methods are called in
    worker threads during async calls.
    """

    def load(self) -> Tokens | None:
        """Return the newest tokens, or None if there are none."""

    def save(self, tokens: Tokens) -> None:
        """Replace the tokens durably: other processes, and this one after a crash, read them."""

    def clear(self) -> None:
        """Delete the tokens."""

    def lock(self, timeout: float) -> AbstractContextManager[object]:
        """Return a context in which no other thread or process has this lock.

        The lock must end with its process. Entering the context raises ``TimeoutError`` if the
        lock is not free within ``timeout`` seconds; 0 makes one attempt.
        """

    def check_writable(self) -> None:
        """Raise an error if ``save`` would fail. Called before a request that issues tokens."""


@contextmanager
def entered(lock: AbstractContextManager[object]) -> Iterator[None]:
    """Hold a lock; a ``TransientError`` tells that it was not free in time."""
    with ExitStack() as stack:
        try:
            stack.enter_context(lock)
        except TimeoutError as error:
            raise TransientError(
                "Another thread or process has the lock of the tokens for too long. Try again; if "
                "that does not help, find out which process waits.",
                code="storage_locked",
            ) from error
        yield


def require_stored(stored: Tokens | None) -> Tokens:
    """The tokens that another process has stored during a request."""
    if stored is None:
        raise LoginRequiredError(
            "Another process has logged out, or deleted the tokens. Log in again.",
            code="logged_out",
        )
    return stored


class ThreadLock:
    """A lock of threads with a time limit, which is free in a forked child process."""

    def __init__(self) -> None:
        self.reset()
        _forkable.add(self)

    def reset(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def hold(self, timeout: float) -> Iterator[None]:
        lock = self._lock
        if not lock.acquire(timeout=timeout):
            raise TimeoutError("another thread has the lock")
        try:
            yield
        finally:
            lock.release()


class MemoryStorage:
    """Tokens in the memory of one process. A forked child process starts without tokens.

    Two processes with copies of one refresh token would look like reuse to the server.
    """

    def __init__(self) -> None:
        self._lock = ThreadLock()
        self.reset()
        _forkable.add(self)

    def __repr__(self) -> str:
        return "MemoryStorage()"

    def reset(self) -> None:
        """Forget the tokens, as a forked child process does."""
        self._tokens: Tokens | None = None

    def load(self) -> Tokens | None:
        """Return the tokens, or None."""
        return self._tokens

    def save(self, tokens: Tokens) -> None:
        """Replace the tokens."""
        self._tokens = tokens

    def clear(self) -> None:
        """Delete the tokens."""
        self._tokens = None

    def lock(self, timeout: float) -> AbstractContextManager[object]:
        """Return a context that one thread at a time enters."""
        return self._lock.hold(timeout)

    def check_writable(self) -> None:
        """Accept: memory is writable."""


_forkable: WeakSet[ThreadLock | MemoryStorage] = WeakSet()


def _reset_after_fork() -> None:
    for one in list(_forkable):
        one.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
