"""Ending many sessions through the verb, and telling Django's log about each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import router
from django.http import HttpRequest

from refresh_sessions.models import DeviceSession, RevokedReason
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.sessions import revoke_sessions
from refresh_sessions.sessions.revoking import key_batches


def end_sessions(request: HttpRequest, sessions: DeviceSessionQuerySet, *, message: str) -> int:
    """End live sessions in the name of the request's user, and say how many those were.

    Batch by batch, so that sessions which have ended are in the log even if a later batch fails.
    """
    using = router.db_for_write(DeviceSession)
    return sum(_end_batch(request, ids, message) for ids in key_batches(sessions, using))


def _end_batch(request: HttpRequest, ids: Sequence[UUID], message: str) -> int:
    sessions = DeviceSession.objects.filter(pk__in=ids)
    staff: Any = request.user  # never a stranger, on a page of the admin
    count = revoke_sessions(
        sessions,
        reason=RevokedReason.ADMIN,
        by=staff,
        request=request,
    )
    # Somebody else may have ended one of them in the meantime: that is theirs to have logged.
    ended = sessions.using(router.db_for_write(DeviceSession)).filter(
        revoked_by=staff, revoked_reason=RevokedReason.ADMIN
    )
    LogEntry.objects.log_actions(
        user_id=staff.pk, queryset=ended, action_flag=CHANGE, change_message=message
    )
    return count
