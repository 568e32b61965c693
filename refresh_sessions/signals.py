"""Signals, sent with ``send_robust`` once the change is committed: listeners cannot undo it.

All of them are sent with ``sender=DeviceSession`` and ``session``, a ``DeviceSession``.
"""

from __future__ import annotations

from django.dispatch import Signal

session_started = Signal()
"""A person signed in. Also ``family``, ``request`` (may be None)."""

session_refreshed = Signal()
"""A refresh token was rotated. Also ``family``, ``generation`` (int), ``request``."""

session_reauthenticated = Signal()
"""A person proved their identity again. Also ``family``, ``methods`` (of str), ``request``."""

session_revoked = Signal()
"""A session was ended. Also ``reason`` (str), ``by`` (user or None)."""

refresh_token_reused = Signal()
"""A used refresh token came back, and its session was revoked unless it had ended before.

Also ``family``, ``generation`` (of the presented token), ``request``, and ``details``: a dict with
address and user agent of both presenters, and ``after_end`` where the session had ended, as in the
event.
"""

refresh_token_recovered = Signal()
"""A client retried with its old token because the answer with the new one was lost.

Also ``family``, ``generation`` (of the new token), ``request``.
"""
