"""Models: device sessions, token families, security events, and short-lived rows."""

from refresh_sessions.models.attempts import ProofAttempts
from refresh_sessions.models.events import EventKind, SessionEvent
from refresh_sessions.models.families import TokenFamily
from refresh_sessions.models.sessions import DeviceSession, RevokedReason, SessionStatus
from refresh_sessions.models.tickets import SignInTicket

__all__ = [
    "DeviceSession",
    "EventKind",
    "ProofAttempts",
    "RevokedReason",
    "SessionEvent",
    "SessionStatus",
    "SignInTicket",
    "TokenFamily",
]
