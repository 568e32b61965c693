"""Signals of the session lifecycle, sent with ``send_robust`` after the commit.

Each signal has ``sender=DeviceSession`` and the argument ``session``, a ``DeviceSession``.
"""

from __future__ import annotations

from django.dispatch import Signal

__all__ = [
    "bound_token_misused",
    "refresh_token_recovered",
    "refresh_token_reused",
    "session_reauthenticated",
    "session_refreshed",
    "session_revoked",
    "session_started",
]


class _NamedSignal(Signal):
    """A signal that is pickled and copied by its name, like a function."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def __reduce__(self) -> str:
        return self._name


session_started = _NamedSignal("session_started")
"""A user logged in. Arguments: ``family``, ``request`` (may be None)."""

session_refreshed = _NamedSignal("session_refreshed")
"""A refresh token was rotated. Arguments: ``family``, ``generation`` (int), ``request``."""

session_reauthenticated = _NamedSignal("session_reauthenticated")
"""A user re-authenticated. Arguments: ``family``, ``methods`` (tuple of str), ``request``."""

session_revoked = _NamedSignal("session_revoked")
"""A session was revoked. Arguments: ``reason`` (str), ``by`` (user or None)."""

refresh_token_reused = _NamedSignal("refresh_token_reused")
"""Reuse of a refresh token was detected; the session is revoked, now or before.

Arguments: ``family``, ``generation`` (of the presented token), ``request``, and
``details``, the dict of the event. It has address and user agent of both clients, and
``after_end`` if the session had been revoked before.
"""

bound_token_misused = _NamedSignal("bound_token_misused")
"""A bound refresh token was presented without its key, at most once per family and hour.

The request was refused, and the session stays live. Arguments: ``family``, ``request``, and
``details``, the dict of the event. It has address and user agent of both clients.
"""

refresh_token_recovered = _NamedSignal("refresh_token_recovered")
"""A recovery: a client retried with its old token after the response with the new one was lost.

Arguments: ``family``, ``generation`` (of the new token), ``request``.
"""
