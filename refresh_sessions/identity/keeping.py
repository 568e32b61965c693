"""Which session goes on although its user gets another password: the one that asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

_kept: ContextVar[UUID | None] = ContextVar("refresh_sessions_kept_session", default=None)


@contextmanager
def keeping_session(session_id: UUID) -> Iterator[None]:
    """Keep this session while its user is saved with a new password inside the block."""
    token = _kept.set(session_id)
    try:
        yield
    finally:
        _kept.reset(token)


def kept_session_id() -> UUID | None:
    """The session that a new password must not revoke, or None if it revokes them all."""
    return _kept.get()
