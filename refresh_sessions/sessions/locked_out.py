"""Search for live sessions that their accounts lock out, among all sessions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final
from uuid import UUID

from django.db import router

from refresh_sessions.bulk_delete import read_clock
from refresh_sessions.database import retry_transient
from refresh_sessions.models import DeviceSession, owners
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.sessions.revoke import revoke_locked_out

_WINDOW: Final = 10_000
"""Sessions that one query reads: a bound for the duration of a statement."""


def revoke_all_locked_out() -> int:
    """Revoke all live sessions that their accounts lock out, as ``revoke_locked_out`` does.

    SQL selects the candidates where it can, as almost no session is one. Otherwise Python computes
    the session hash of each live session.

    Returns:
        The number of revoked sessions.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    candidates = owners.may_be_locked_out()
    if candidates is None:
        return revoke_locked_out(DeviceSession.objects.all())
    using = router.db_for_write(DeviceSession)
    total = 0
    for window in _windows(using):
        found = retry_transient(using, partial(_read_keys, window.filter(candidates)))
        if found:
            sessions = DeviceSession.objects.using(using).filter(pk__in=found)
            total += revoke_locked_out(sessions)
    return total


def _windows(using: str) -> Iterator[DeviceSessionQuerySet]:
    """The unrevoked sessions before their hard deadline, in parts of about the same size."""
    ordered = DeviceSession.objects.using(using).order_by("expires_at")
    start = retry_transient(using, lambda: read_clock(ordered))
    while start is not None:
        later = ordered.filter(expires_at__gt=start)
        ends = later.values_list("expires_at", flat=True)[_WINDOW - 1 : _WINDOW]
        end = retry_transient(using, ends.first)
        window = later if end is None else later.filter(expires_at__lte=end)
        yield window.filter(revoked_at__isnull=True)
        start = end


def _read_keys(sessions: DeviceSessionQuerySet) -> list[UUID]:
    return list(sessions.order_by().values_list("pk", flat=True))
