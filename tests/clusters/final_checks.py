"""Final checks of the database for sessions of visitors and crowds."""

from __future__ import annotations

from collections.abc import Sequence

from refresh_sessions.models import DeviceSession


def find_logout_violations(sessions: Sequence[str]) -> list[str]:
    """Return violations in sessions that were logged out."""
    expected = ["signed_in", "signed_out"]
    return [
        f"{session.pk}: ended {session.revoked_reason!r}, events {kinds}"
        for session in _sessions(sessions)
        if (kinds := _kinds(session)) != expected or session.revoked_at is None
    ] + _missing(sessions)


def find_presenter_violations(sessions: Sequence[str]) -> list[str]:
    """Return violations in sessions whose first token was presented many times at once."""
    return [
        f"{session.pk}: events {kinds}"
        for session in _sessions(sessions)
        if (kinds := _kinds(session)) != ["signed_in"]
    ] + _missing(sessions)


def _sessions(sessions: Sequence[str]) -> list[DeviceSession]:
    found = DeviceSession.objects.filter(pk__in=sessions)
    return list(found.prefetch_related("events"))


def _kinds(session: DeviceSession) -> list[str]:
    return sorted(event.kind for event in session.events.all())


def _missing(sessions: Sequence[str]) -> list[str]:
    found = {str(session.pk) for session in _sessions(sessions)}
    return [f"{session}: no row" for session in sessions if session not in found]
