"""Signals, sent with ``send_robust`` once the change is committed: listeners cannot undo it.

All of them are sent with ``sender=DeviceSession`` and ``session``, a ``DeviceSession``.
"""

from __future__ import annotations

from django.dispatch import Signal


class _NamedSignal(Signal):
    """A signal that is pickled and copied by its name, as functions are; receivers are not."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def __reduce__(self) -> str:
        return self._name


session_started = _NamedSignal("session_started")
"""A person signed in. Also ``family``, ``request`` (may be None)."""

session_refreshed = _NamedSignal("session_refreshed")
"""A refresh token was rotated. Also ``family``, ``generation`` (int), ``request``."""

session_reauthenticated = _NamedSignal("session_reauthenticated")
"""A person proved their identity again. Also ``family``, ``methods`` (of str), ``request``."""

session_revoked = _NamedSignal("session_revoked")
"""A session was ended. Also ``reason`` (str), ``by`` (user or None)."""

refresh_token_reused = _NamedSignal("refresh_token_reused")
"""A used refresh token came back, and its session was revoked unless it had ended before.

Also ``family``, ``generation`` (of the presented token), ``request``, and ``details``: a dict with
address and user agent of both presenters, and ``after_end`` where the session had ended, as in the
event.
"""

refresh_token_recovered = _NamedSignal("refresh_token_recovered")
"""A client retried with its old token because the answer with the new one was lost.

Also ``family``, ``generation`` (of the new token), ``request``.
"""
