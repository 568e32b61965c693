"""Models: device sessions, token families, security events, and short-lived rows."""

from refresh_sessions.models.attempts import ProofAttempts as ProofAttempts
from refresh_sessions.models.events import EventKind, SessionEvent
from refresh_sessions.models.families import Binding as Binding, TokenFamily
from refresh_sessions.models.sessions import DeviceSession, RevokedReason, SessionStatus
from refresh_sessions.models.tickets import SignInTicket as SignInTicket

__all__ = [
    "DeviceSession",
    "EventKind",
    "RevokedReason",
    "SessionEvent",
    "SessionStatus",
    "TokenFamily",
]
