"""Exceptions of the package, independent of HTTP.

Every exception has a ``code`` for clients and a ``message`` for people.
``rest_framework.exceptions`` maps each to a status and headers.
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

__all__ = [
    "BindingRequiredError",
    "DPoPNonceRequiredError",
    "DatabaseBusyError",
    "DeviceChallengeRequiredError",
    "DeviceProofRequiredError",
    "ExpiredTokenError",
    "ExpiryReason",
    "ExtraClaimsError",
    "FamilyLimitReachedError",
    "InvalidDPoPProofError",
    "InvalidDeviceProofError",
    "InvalidTicketError",
    "InvalidTokenError",
    "NoActiveAccountError",
    "OuterTransactionError",
    "ProofFault",
    "ProofIncompleteError",
    "ReauthenticationFailedError",
    "ReauthenticationRequiredError",
    "ReauthenticationUnavailableError",
    "RefreshSessionsError",
    "RefreshSupersededError",
    "SecondFactorFailedError",
    "SecondFactorRequiredError",
    "SessionExpiredError",
    "SessionLimitReachedError",
    "SessionRevokedError",
    "SettingsError",
    "SupersededTokenError",
    "ThrottleUnavailableError",
    "TooManyAttemptsError",
]


class ExpiryReason(StrEnum):
    """Why a session issues no more tokens although it is not revoked."""

    ABSOLUTE = "absolute"
    IDLE = "idle"
    REFRESH_LIMIT = "refresh_limit"
    RECOVERY_LIMIT = "recovery_limit"


class Portable:
    """An exception that can be pickled and copied, whatever the signature of its constructor.

    Python restores exceptions by calling the class with ``args``, which here contain the message
    and not the arguments of the constructor. Test runners and task queues pickle exceptions.
    """

    args: tuple[Any, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args), self.__dict__


def _restore(kind: type[Any], args: tuple[Any, ...]) -> Any:
    # Skips __init__: the state contains the attributes that __init__ has set.
    return kind.__new__(kind, *args)


class RefreshSessionsError(Portable, Exception):
    """The base class of the exceptions with a ``code``. Do not raise it directly."""

    code: ClassVar[str] = "error"
    message: ClassVar[str | Promise] = _("The request could not be processed.")

    def __init__(self) -> None:
        super().__init__(str(self.message))


class InvalidTokenError(RefreshSessionsError):
    """The token is malformed or forged, or has another type or audience."""

    code = "token_not_valid"
    message = _("Token is invalid or expired.")
    reason: ClassVar[str | None] = None
    """A more specific code, where it helps the client and not an attacker."""


class ExpiredTokenError(InvalidTokenError):
    """The access token has expired. The client should refresh."""

    reason = "token_expired"


class SupersededTokenError(InvalidTokenError):
    """The generation of the access token is no longer in use. The client should refresh."""

    reason = "token_superseded"


class SessionRevokedError(RefreshSessionsError):
    """The session is revoked, or is revoked now because of reuse.

    All causes have the same message: the response must not reveal to an attacker that reuse was
    detected.
    """

    code = "session_revoked"
    message = _("This session has ended. Please sign in again.")


class SessionExpiredError(RefreshSessionsError):
    """The session has reached a limit of time, refreshes or recoveries."""

    code = "session_expired"
    message = _("This session has expired. Please sign in again.")

    def __init__(self, reason: ExpiryReason) -> None:
        super().__init__()
        self.reason = reason


class RefreshSupersededError(RefreshSessionsError):
    """A sibling has stored a newer refresh token in the storage that it shares with the client."""

    code = "refresh_superseded"
    message = _("A newer refresh token has been issued. Read it from your storage.")


class DeviceProofRequiredError(RefreshSessionsError):
    """The request lacks the required companion cookie or bound cookie of the token's family.

    The session stays live: an attacker with a copied token can neither use nor revoke it. A
    browser with a device key renews its bound cookie itself, and the client retries.
    """

    code = "device_proof_required"
    message = _("This refresh token works only in the browser that it was issued to.")


class ProofFault(StrEnum):
    """Why the proof of a key was refused (RFC 9449 §4.3); ``reason`` of the response."""

    MISSING = "proof_missing"
    """A token with a key was presented without a proof."""
    MALFORMED = "proof_malformed"
    """Not a proof, with an unusable key, or with a wrong signature."""
    METHOD = "proof_method"
    """``htm`` is another method than that of the request."""
    URL = "proof_url"
    """``htu`` is another URL than that of the request."""
    TIME = "proof_time"
    """``iat`` differs from the clock of the server by more than a minute."""
    REPLAYED = "proof_replayed"
    """The ``jti`` was used before."""
    KEY = "proof_key"
    """The proof was signed with another key than that of the token."""
    ACCESS_TOKEN = "proof_access_token"  # noqa: S105  (no token)
    """``ath`` is missing, or the digest of another access token."""
    CHALLENGE = "proof_challenge"
    """The proof of a browser answers no challenge of the last login or re-authentication."""
    REGISTERED = "proof_registered"
    """The session is bound to another key."""


class InvalidDPoPProofError(RefreshSessionsError):
    """The DPoP proof is missing or invalid (RFC 9449 §5).

    The session stays live: an attacker with a copied token can neither use nor revoke it.
    """

    code = "invalid_dpop_proof"
    message = _("This token works only with a DPoP proof of the key that it was issued to.")

    def __init__(self, reason: ProofFault) -> None:
        super().__init__()
        self.reason = reason


class DPoPNonceRequiredError(RefreshSessionsError):
    """The DPoP proof lacks a recent nonce of the server (RFC 9449 §8).

    The client repeats its request with the nonce of the response header ``DPoP-Nonce``.
    """

    code = "use_dpop_nonce"
    message = _("Repeat the request with a DPoP proof that contains the nonce of the response.")


class InvalidDeviceProofError(RefreshSessionsError):
    """The proof of a browser for its device key is missing or invalid.

    The session stays live, and the cookies stay.
    """

    code = "invalid_device_proof"
    message = _("This session works only with the key of the browser that it was issued to.")

    def __init__(self, reason: ProofFault) -> None:
        super().__init__()
        self.reason = reason


class DeviceChallengeRequiredError(RefreshSessionsError):
    """The browser has to sign the challenge of the header ``Secure-Session-Challenge``."""

    code = "device_challenge_required"
    message = _("Repeat the request with a signature of the challenge in the response.")


class BindingRequiredError(RefreshSessionsError):
    """The policy requires a session that is bound to a key, and this one is not."""

    code = "binding_required"
    message = _(
        "This account can be used only with sessions that are bound to a device. Please sign in "
        "with another client."
    )


class NoActiveAccountError(RefreshSessionsError):
    """Unknown user, wrong password or inactive account; the response does not reveal which."""

    code = "no_active_account"
    message = _("No active account found with the given credentials.")


class SecondFactorRequiredError(RefreshSessionsError):
    """The first step of a login succeeded, and the user has a second factor."""

    code = "mfa_required"
    message = _("A second factor is required to sign in.")

    def __init__(
        self, *, ticket: str, methods: Sequence[Mapping[str, str]], expires_at: datetime
    ) -> None:
        super().__init__()
        self.ticket = ticket
        self.methods = methods
        """The accepted second factors; one of them suffices."""
        self.expires_at = expires_at


class SecondFactorFailedError(RefreshSessionsError):
    """The second factor is wrong."""

    code = "second_factor_failed"
    message = _("Wrong code. Try again.")


class InvalidTicketError(RefreshSessionsError):
    """The ticket is forged, expired or used, has no attempts left, or its account has changed."""

    code = "ticket_not_valid"
    message = _("This sign-in can no longer be completed. Please sign in again.")


class TooManyAttemptsError(RefreshSessionsError):
    """Too many failed attempts to verify an identity: further attempts are rejected unchecked."""

    code = "throttled"
    message = _("Please wait before you try again.")

    def __init__(self, wait: timedelta) -> None:
        super().__init__()
        self.retry_after = max(1, math.ceil(wait.total_seconds()))
        """Seconds until attempts are checked again."""


class SessionLimitReachedError(RefreshSessionsError):
    """The user has ``max_sessions`` live sessions, and ``ON_SESSION_LIMIT`` is ``"deny"``."""

    code = "session_limit_reached"
    message = _("Too many devices are signed in. Sign out on one of them first.")


class FamilyLimitReachedError(RefreshSessionsError):
    """The device session has ``MAX_FAMILIES_PER_SESSION`` token families."""

    code = "family_limit_reached"
    message = _("This session has too many token families.")


class ReauthenticationRequiredError(RefreshSessionsError):
    """A sensitive action requires a more recent authentication (RFC 9470)."""

    code = "reauthentication_required"
    message = _("Please verify your identity.")

    def __init__(self, max_age: timedelta, *, acr_values: str = "") -> None:
        super().__init__()
        self.max_age = max_age
        self.acr_values = acr_values
        """The required authentication context classes, space-separated, as in RFC 9470."""


class ReauthenticationFailedError(RefreshSessionsError):
    """The re-authentication failed; the response does not reveal why."""

    code = "reauthentication_failed"
    message = _("Wrong password or code. Try again.")


class ReauthenticationUnavailableError(RefreshSessionsError):
    """The user has no method of re-authentication: neither a password nor another method."""

    code = "reauthentication_unavailable"
    message = _("Your identity cannot be verified here. Please sign in again.")


class ProofIncompleteError(RefreshSessionsError):
    """The request lacks a required kind of factor; no factor was checked."""

    code = "proof_incomplete"
    message = _("Another factor is required to verify your identity.")

    def __init__(self, methods: Sequence[Mapping[str, str]]) -> None:
        super().__init__()
        self.methods = methods
        """The methods of the missing kind; one of them suffices."""


class DatabaseBusyError(RefreshSessionsError):
    """Every attempt failed with a transient database error; the client may retry its request."""

    code = "database_busy"
    message = _("The service is busy. Please try again shortly.")
    retry_after: ClassVar[int] = 1
    """Seconds after which the client may retry."""


class ThrottleUnavailableError(RefreshSessionsError):
    """The cache that counts attempts is unavailable: attempts are rejected, not left uncounted."""

    code = "throttle_unavailable"
    message = _("The service is busy. Please try again shortly.")
    retry_after: ClassVar[int] = 5
    """Seconds after which the client may retry."""


class SettingsError(Portable, ImproperlyConfigured):
    """``REFRESH_SESSIONS`` has an unknown key or a value of the wrong type."""


class ExtraClaimsError(Portable, RuntimeError):
    """``SessionPolicy.access_token_claims`` returned invalid claims.

    It has to return a small dict of JSON values, without the names of protected claims.
    """


class OuterTransactionError(Portable, RuntimeError):
    """A refresh was called inside a transaction of the caller.

    A refresh may revoke the session and then raise an exception. In an outer transaction, that
    exception would roll the revocation back, and an attacker could continue. Call it outside
    ``transaction.atomic()``. With ``ATOMIC_REQUESTS``, decorate the view with
    ``transaction.non_atomic_requests``.
    """
