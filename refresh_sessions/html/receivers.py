"""What the page hears of sign-ins that happen elsewhere."""

from __future__ import annotations

from django.contrib.auth.signals import user_logged_in

from refresh_sessions.html.current import remember_current_session
from refresh_sessions.html.freshness import note_login
from refresh_sessions.models import DeviceSession
from refresh_sessions.signals import session_started


def connect() -> None:
    """Have the receivers called."""
    session_started.connect(
        remember_current_session,
        sender=DeviceSession,
        dispatch_uid="refresh_sessions.remember_current_session",
    )
    user_logged_in.connect(note_login, dispatch_uid="refresh_sessions.note_login")
