"""Re-authentication (step-up): verify the user's identity once more within a session.

The client gets new tokens with the new authentication time. Tokens from before keep their old
authentication time, so an attacker with copies does not benefit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import router
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.database import (
    ConcurrentUpdateError,
    commit_once,
    forbid_outer_transaction,
    retry_transient,
)
from refresh_sessions.events.record import record_events
from refresh_sessions.identity.attempts import AttemptLimiter, get_attempt_limiter
from refresh_sessions.models import DeviceSession, EventKind, TokenFamily
from refresh_sessions.rotation import (
    redeemable_after_reauthentication,
    rotates_on_reauthentication,
)
from refresh_sessions.sessions import access_cache
from refresh_sessions.sessions.access import AccessGrant, check_state, read_grant
from refresh_sessions.sessions.auth_time import authenticated_at_beside_rotation
from refresh_sessions.sessions.issue import (
    TokenPair,
    get_extra_claims,
    issue_by_access_token,
)
from refresh_sessions.sessions.key_binding import (
    report_requests_without_key,
    require_binding,
    require_key,
)
from refresh_sessions.sessions.locks import lock_session
from refresh_sessions.sessions.presented_token import get_rotation_rules
from refresh_sessions.sessions.queries import get_family_state, read_family
from refresh_sessions.sessions.rotate import (
    RefreshQuota,
    apply_rotation_by_access_token,
    compare_and_swap,
)
from refresh_sessions.signals import session_reauthenticated, session_refreshed


@sensitive_variables()
def reauthenticate_session(
    grant: AccessGrant, *, methods: Sequence[str], request: HttpRequest | None = None
) -> TokenPair:
    """Issue new tokens after a re-authentication, with a new authentication time.

    The caller has to verify the identity before.

    Args:
        grant: the result of ``check_access_token``.
        methods: the verified methods, as authentication method references of RFC 8176 (``"pwd"``,
            ``"otp"``).
        request: the request for address and user agent, or None.

    Returns:
        The new pair. ``refresh`` is None if the client keeps its stored token: within the overlap,
        if the access token is not the newest, or past the limit of refreshes.

    Raises:
        InvalidTokenError: the access token has expired or was superseded since its check.
        SessionRevokedError: the session has ended since the check.
        InvalidDPoPProofError: the session is bound, and the request has no proof of its key.
        DPoPNonceRequiredError: the proof of the request lacks a recent nonce.
        DeviceProofRequiredError: the session is bound to a device key, and the bound cookie is
            missing.
        BindingRequiredError: the session is not bound, and the policy requires it.
        DatabaseBusyError: every attempt failed with a transient database error.
        OuterTransactionError: called inside a transaction.

    """
    using = router.db_for_write(TokenFamily)
    forbid_outer_transaction(using)
    operation = _Reauthentication(grant=grant, methods=list(methods), request=request, using=using)
    with (
        report_requests_without_key(request),
        access_cache.forget_if_uncertain(grant.session_id),
    ):
        result = commit_once(using, operation.save, is_committed=operation.is_committed)
    operation.announce(result)
    return operation.issue(result)


def require_session_key(grant: AccessGrant, *, request: HttpRequest | None = None) -> None:
    """Require the key of a bound session, before the identity of its user is verified.

    Otherwise an attacker with a copied access token could try passwords.

    Args:
        grant: the result of ``check_access_token``.
        request: the request with the proof, or None.

    Raises:
        InvalidTokenError: the access token has expired or was superseded since its check.
        SessionRevokedError: the session has ended since the check.
        InvalidDPoPProofError: the session is bound, and the request has no proof of its key.
        DPoPNonceRequiredError: the proof of the request lacks a recent nonce.
        BindingRequiredError: the session is not bound, and the policy requires it.
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    family = read_grant(grant, request=request)
    with report_requests_without_key(request):
        require_key(family, request)
    # A browser gets a new challenge afterwards, to register a key after all.
    require_binding(family.session.user, family.binding, request=request, may_register=True)


@sensitive_variables()
def record_failed_reauthentication(
    grant: AccessGrant, *, methods: Sequence[str], request: HttpRequest | None = None
) -> None:
    """Record a failed re-authentication as an event of the session.

    Each call adds a row, so callers need a throttle.

    Args:
        grant: the result of ``check_access_token``.
        methods: the names of the failed methods.
        request: the request for the address, or None.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    using = router.db_for_write(TokenFamily)
    retry_transient(
        using,
        lambda: record_events(
            [grant.session_id],
            EventKind.REAUTHENTICATION_FAILED,
            request=request,
            actor=grant.user,
            details={"methods": list(methods)},
            using=using,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReauthenticationResult:
    """The rows that a re-authentication has written, and the extra claims."""

    family: TokenFamily
    rotated: bool
    extra: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reauthentication:
    """A re-authentication; its methods may run again after transient errors."""

    grant: AccessGrant
    methods: list[str]
    request: HttpRequest | None
    using: str

    def save(self) -> _ReauthenticationResult:
        claims, using = self.grant.claims, self.using
        lock_session(claims.session_id, using=using)
        family = read_family(claims, using=using, request=self.request)
        check_state(claims, family)
        require_key(family, self.request)
        require_binding(
            # A browser gets a new challenge, to register a key after all.
            family.session.user,
            family.binding,
            request=self.request,
            may_register=True,
        )
        expected = {
            "generation": family.generation,
            "redeemable_generation": family.redeemable_generation,
        }
        rotated = self._rotates(family)
        if rotated:
            state = get_family_state(family)
            redeemable = redeemable_after_reauthentication(state, rules=get_rotation_rules())
            apply_rotation_by_access_token(
                family, state, redeemable=redeemable, request=self.request
            )
            family.authenticated_at = family.rotated_at
        else:
            family.authenticated_at = authenticated_at_beside_rotation(family)
        family.authentication_methods = self.methods
        if rotated:
            compare_and_swap(family, expected, using=using)
        else:
            self._save_without_rotation(family, expected)
        record_events(
            [family.session_id],
            EventKind.REAUTHENTICATED,
            request=self.request,
            actor=family.session.user,
            details={"methods": self.methods, "generation": family.generation},
            using=using,
        )
        # In the transaction: an error of the policy rolls the rotation back.
        extra = get_extra_claims(family.session, request=self.request)
        return _ReauthenticationResult(family=family, rotated=rotated, extra=extra)

    def is_committed(self, result: _ReauthenticationResult) -> bool:
        family = result.family
        rows = TokenFamily.objects.using(self.using).filter(
            pk=family.pk,
            generation=family.generation,
            authenticated_at=family.authenticated_at,
        )
        return rows.exists()

    def issue(self, result: _ReauthenticationResult) -> TokenPair:
        return issue_by_access_token(
            result.family,
            rotated=result.rotated,
            generation=self.grant.claims.generation,
            authenticated_at=result.family.authenticated_at,
            request=self.request,
            extra=result.extra,
        )

    def announce(self, result: _ReauthenticationResult) -> None:
        family = result.family
        if result.rotated:
            access_cache.forget(family.session_id, urgent=True)
        arguments = {"session": family.session, "family": family, "request": self.request}
        if result.rotated:
            session_refreshed.send_robust(
                sender=DeviceSession, generation=family.generation, **arguments
            )
        session_reauthenticated.send_robust(
            sender=DeviceSession, methods=tuple(self.methods), **arguments
        )

    def _rotates(self, family: TokenFamily) -> bool:
        state, generation = get_family_state(family), self.grant.claims.generation
        if not rotates_on_reauthentication(
            generation, state, now=family.now, rules=get_rotation_rules()
        ):
            return False
        # Past the limit of refreshes, the re-authentication succeeds without a rotation.
        return RefreshQuota.for_family(family).allows(generation, state)

    def _save_without_rotation(self, family: TokenFamily, expected: dict[str, int | None]) -> None:
        rows = TokenFamily.objects.using(self.using).usable().filter(pk=family.pk, **expected)
        updated = rows.update(
            authenticated_at=family.authenticated_at,
            authentication_methods=family.authentication_methods,
        )
        if not updated:
            raise ConcurrentUpdateError


def get_step_up_limiter(grant: AccessGrant) -> AttemptLimiter:
    """The limiter of re-authentications in a session, which only a client with its tokens uses."""
    return get_attempt_limiter(grant.user, "step-up", grant.session_id)
