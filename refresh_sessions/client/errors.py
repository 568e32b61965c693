"""Errors of the client: each says what to do next, and none contains a token."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

Action = Literal["login", "reauthenticate", "retry", "fix"]
"""What the caller does next: log in, re-authenticate, try again later, or correct something."""


class SessionAuthError(Exception):
    """Base of all errors of the client."""

    action: ClassVar[Action] = "fix"

    code: str
    """The ``code`` of the server's answer, or a code of the client."""
    status: int | None
    """The status of the server's answer, or None without one."""
    retry_after: float | None
    """The seconds to wait before another attempt, if known."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.status, self.retry_after = code, status, retry_after

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r}, code={self.code!r}, status={self.status})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Task queues pickle errors; the arguments of __init__ are keywords.
        return _restore, (type(self), str(self), self.code, self.status, self.retry_after)


def _restore(
    kind: type[SessionAuthError],
    message: str,
    code: str,
    status: int | None,
    retry_after: float | None,
) -> SessionAuthError:
    return kind(message, code=code, status=status, retry_after=retry_after)


class LoginRequiredError(SessionAuthError):
    """There is no usable session, and no credentials to start one."""

    action = "login"


class ReauthenticationRequiredError(SessionAuthError):
    """The request needs a recent re-authentication."""

    action = "reauthenticate"


class TransientError(SessionAuthError):
    """The network or the server failed, or asked to wait. The tokens are kept."""

    action = "retry"


class UnexpectedAnswerError(SessionAuthError):
    """The answer is not one of refresh_sessions, or refuses the request. The tokens are kept."""


class StorageError(SessionAuthError):
    """The storage cannot be read or written, or contains something else."""
