"""Device binding: bind a family to the device key of a browser, and verify that key again.

No request to these functions ends a session or uses up a refresh token, whatever it contains.
"""

from __future__ import annotations

from uuid import UUID

from django.db import router
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.binding.dbsc import verify_device_proof, verify_registration
from refresh_sessions.database import retry_transient
from refresh_sessions.exceptions import (
    InvalidDeviceProofError,
    ProofFault,
    SessionExpiredError,
    SessionRevokedError,
)
from refresh_sessions.models import TokenFamily
from refresh_sessions.sessions.key_binding import confirm_device_key
from refresh_sessions.sessions.misuse import report_misuse
from refresh_sessions.sessions.presented_token import get_presenter, judge_token
from refresh_sessions.sessions.queries import find_family, get_family_state, read_family
from refresh_sessions.tokens.client_keys import ClientKey, load_client_key
from refresh_sessions.tokens.refresh_tokens import RefreshClaims


@sensitive_variables()
def register_device_key(claims: RefreshClaims, *, request: HttpRequest) -> TokenFamily:
    """Register the key of the request's proof for the family of a refresh cookie.

    Possible once per family. The same proof may be repeated. The family is bound once the browser
    has shown the key, or the cookie that it gets for it.

    Args:
        claims: the claims of the refresh cookie.
        request: the request with the proof.

    Returns:
        The family.

    Raises:
        InvalidDeviceProofError: the proof is missing, malformed, or answers no recent challenge
            for this family; or the family is bound to another key.
        SessionRevokedError: the session is revoked, or the refresh token was used.
        SessionExpiredError: a limit of time was reached.
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    # First: the challenge alone shows that the request is the browser of the login.
    key = verify_registration(request, claims.family_id)
    using = router.db_for_write(TokenFamily)
    return retry_transient(using, lambda: _register(claims, key, request, using))


@sensitive_variables()
def verify_device_key(
    family_id: UUID, *, cookie: RefreshClaims | None, request: HttpRequest
) -> TokenFamily | None:
    """Verify that a request has a proof of the device key of a family.

    The first proof binds the family. Later ones write nothing.

    Args:
        family_id: the family in the header ``Sec-Secure-Session-Id``.
        cookie: the claims of the refresh cookie; None if the request has no valid one.
        request: the request with the proof.

    Returns:
        The family, or None if its session has ended, for this browser or at all.

    Raises:
        InvalidDeviceProofError: the proof is malformed, or of another key.
        DeviceChallengeRequiredError: the challenge of the proof is too old.
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    if cookie is not None and cookie.family_id != family_id:
        # A later login has replaced the cookie. The browser would go on to renew the bound cookie
        # of the earlier session, which has the same name as that of the new one.
        return None
    using = router.db_for_write(TokenFamily)
    family = retry_transient(using, lambda: find_family(family_id, using))
    if family is None or not family.public_key or _has_ended(family):
        return None
    try:
        verify_device_proof(request, family_id, load_client_key(family.public_key))
    except InvalidDeviceProofError as error:
        # Without the refresh cookie anybody could raise the alarm: the id is no secret.
        if cookie is not None and cookie.matches(family.secret_digest):
            report_misuse(family, error, request)
        raise
    if not family.binding:
        retry_transient(using, lambda: confirm_device_key(family, using=using))
    return family


def _register(
    claims: RefreshClaims, key: ClientKey, request: HttpRequest, using: str
) -> TokenFamily:
    family = read_family(claims, using=using, request=request)
    if family.session_id != claims.session_id or not claims.matches(family.secret_digest):
        raise SessionRevokedError
    _require_usable(claims, family, request, using)
    if family.public_key and family.key_thumbprint == key.thumbprint:
        # The answer to the first request was lost, or the UPDATE of an earlier attempt succeeded.
        return family
    family.key_thumbprint, family.public_key = key.thumbprint, key.json
    # Compare and set: of two concurrent registrations one wins.
    unbound = TokenFamily.objects.using(using).filter(pk=family.pk, binding="", key_thumbprint="")
    registered = unbound.update(key_thumbprint=family.key_thumbprint, public_key=family.public_key)
    if not registered:
        raise InvalidDeviceProofError(ProofFault.REGISTERED)
    return family


def _require_usable(
    claims: RefreshClaims, family: TokenFamily, request: HttpRequest, using: str
) -> None:
    """Require a refresh token that a refresh would accept now, without any consequence."""
    presenter = get_presenter(family, request)
    verdict = judge_token(claims, family, get_family_state(family), presenter, using=using)
    if verdict.expiry:
        raise SessionExpiredError(verdict.expiry)
    newest = verdict.issues_token and claims.generation == family.generation
    # The first refresh of the page may run in parallel to the registration.
    if not newest and not verdict.repeats:
        raise SessionRevokedError


def _has_ended(family: TokenFamily) -> bool:
    """Whether no refresh token of the family can be used any more, whatever its account."""
    session = family.session
    deadline = min(session.expires_at, family.idle_expires_at)
    revoked = session.revoked_at is not None or family.closed_at is not None
    return revoked or deadline <= family.now
