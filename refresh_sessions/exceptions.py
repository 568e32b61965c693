"""What can go wrong, each failure by its own name.

Every exception carries a ``code`` that clients branch on and a ``message`` made for people.
Nothing here knows HTTP: ``rest_framework.exceptions`` gives each its status and headers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class ExpiryReason(StrEnum):
    """Why a session gives no more tokens although nobody ended it."""

    ABSOLUTE = "absolute"
    IDLE = "idle"
    REFRESH_LIMIT = "refresh_limit"
    RECOVERY_LIMIT = "recovery_limit"


class Portable:
    """An exception that can be pickled and copied, whatever its constructor takes.

    Python would call the class again with ``args``, which are the message. Test runners and task
    queues send exceptions from one process to another in this way.
    """

    args: tuple[Any, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args), self.__dict__


def _restore(kind: type[Any], args: tuple[Any, ...]) -> Any:
    # Without __init__; the attributes that it set come back with the state.
    return kind.__new__(kind, *args)


class RefreshSessionsError(Portable, Exception):
    """The root of all failures below. Do not raise it directly."""

    code: ClassVar[str] = "error"
    message: ClassVar[str | Promise] = _("The request could not be processed.")

    def __init__(self) -> None:
        super().__init__(str(self.message))


class InvalidTokenError(RefreshSessionsError):
    """The token is malformed, forged, of another type or made for another audience."""

    code = "token_not_valid"
    message = _("Token is invalid or expired.")
    reason: ClassVar[str | None] = None
    """A finer code, where telling it helps the client and nobody else."""


class ExpiredTokenError(InvalidTokenError):
    """The access token was good once; its ``exp`` has passed. A refresh helps."""

    reason = "token_expired"


class SupersededTokenError(InvalidTokenError):
    """The access token belongs to a generation that is no longer in use. A refresh helps."""

    reason = "token_superseded"


class SessionRevokedError(RefreshSessionsError):
    """The session has been ended, or is being ended now because a used token came back.

    One message for all of these cases: the answer must not tell a thief which one it was.
    """

    code = "session_revoked"
    message = _("This session has ended. Please sign in again.")


class SessionExpiredError(RefreshSessionsError):
    """The session has reached one of its limits in time or in number of refreshes."""

    code = "session_expired"
    message = _("This session has expired. Please sign in again.")

    def __init__(self, reason: ExpiryReason) -> None:
        super().__init__()
        self.reason = reason


class RefreshSupersededError(RefreshSessionsError):
    """A sibling that shares this client's storage already holds a newer refresh token."""

    code = "refresh_superseded"
    message = _("A newer refresh token has been issued. Read it from your storage.")


class DeviceProofRequiredError(RefreshSessionsError):
    """The refresh token came without the companion cookie of its family, which it requires.

    The session lives on: an attacker with a copied token can neither use nor revoke it.
    """

    code = "device_proof_required"
    message = _("This refresh token works only in the browser that it was issued to.")


class NoActiveAccountError(RefreshSessionsError):
    """Unknown user, wrong password or inactive account: on purpose the same for all three."""

    code = "no_active_account"
    message = _("No active account found with the given credentials.")


class SecondFactorRequiredError(RefreshSessionsError):
    """The first step of a sign-in was right, and the user has a second factor to show."""

    code = "mfa_required"
    message = _("A second factor is required to sign in.")

    def __init__(
        self, *, ticket: str, methods: Sequence[Mapping[str, str]], expires_at: datetime
    ) -> None:
        super().__init__()
        self.ticket = ticket
        self.methods = methods
        """Any one of these will do."""
        self.expires_at = expires_at


class SecondFactorFailedError(RefreshSessionsError):
    """What was shown as the second factor is wrong."""

    code = "second_factor_failed"
    message = _("Wrong code. Try again.")


class InvalidTicketError(RefreshSessionsError):
    """The ticket is forged, expired, used, tried too often, or its account has changed."""

    code = "ticket_not_valid"
    message = _("This sign-in can no longer be completed. Please sign in again.")


class TooManyAttemptsError(RefreshSessionsError):
    """So many attempts to prove who one is have failed that no more are looked at for a while."""

    code = "throttled"
    message = _("Please wait before you try again.")

    def __init__(self, wait: timedelta) -> None:
        super().__init__()
        self.retry_after = max(1, math.ceil(wait.total_seconds()))
        """Seconds until attempts are looked at again."""


class SessionLimitReachedError(RefreshSessionsError):
    """The user has as many live sessions as allowed and ``ON_SESSION_LIMIT`` is ``"deny"``."""

    code = "session_limit_reached"
    message = _("Too many devices are signed in. Sign out on one of them first.")


class FamilyLimitReachedError(RefreshSessionsError):
    """The device session has as many token families as ``MAX_FAMILIES_PER_SESSION`` allows."""

    code = "family_limit_reached"
    message = _("This session has too many token families.")


class ReauthenticationRequiredError(RefreshSessionsError):
    """A sensitive action, and the user's last proof of identity is too old (RFC 9470)."""

    code = "reauthentication_required"
    message = _("Please verify your identity.")

    def __init__(self, max_age: timedelta, *, acr_values: str = "") -> None:
        super().__init__()
        self.max_age = max_age
        self.acr_values = acr_values
        """What the proof has to be like, in words that the project and its clients agree on."""


class ReauthenticationFailedError(RefreshSessionsError):
    """What should have proven the user's identity does not; on purpose it is not said why."""

    code = "reauthentication_failed"
    message = _("Wrong password or code. Try again.")


class ReauthenticationUnavailableError(RefreshSessionsError):
    """The user has nothing by which identity could be proven: no password, no other method."""

    code = "reauthentication_unavailable"
    message = _("Your identity cannot be verified here. Please sign in again.")


class ProofIncompleteError(RefreshSessionsError):
    """The request leaves out a kind of factor that this user has; nothing has been checked."""

    code = "proof_incomplete"
    message = _("Another factor is required to verify your identity.")

    def __init__(self, methods: Sequence[Mapping[str, str]]) -> None:
        super().__init__()
        self.methods = methods
        """Any one of these would do."""


class DatabaseBusyError(RefreshSessionsError):
    """The database gave no answer in several tries. Nothing has been decided about the token."""

    code = "database_busy"
    message = _("The service is busy. Please try again shortly.")
    retry_after: ClassVar[int] = 1
    """Seconds after which another try makes sense."""


class ThrottleUnavailableError(RefreshSessionsError):
    """The cache in which attempts are counted does not answer, and no guess goes uncounted."""

    code = "throttle_unavailable"
    message = _("The service is busy. Please try again shortly.")
    retry_after: ClassVar[int] = 5
    """Seconds after which another try makes sense."""


class SettingsError(Portable, ImproperlyConfigured):
    """``REFRESH_SESSIONS`` has an unknown key or a value of the wrong type."""


class ExtraClaimsError(Portable, RuntimeError):
    """What ``SessionPolicy.access_token_claims`` returned cannot go into an access token.

    Return a small dict of JSON values, under names of your own: none that this package sets.
    """


class OuterTransactionError(Portable, RuntimeError):
    """A refresh was called inside a transaction of the caller's.

    A refresh may have to revoke the session and then fail. Inside a transaction that the failure
    rolls back, the revocation would be lost and a thief would go on. Call it outside
    ``transaction.atomic()``; decorate views with ``transaction.non_atomic_requests`` when
    ``ATOMIC_REQUESTS`` is on.
    """
