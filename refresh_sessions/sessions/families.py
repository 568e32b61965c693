"""Families: open a second token family in a session, for a second process of the device.

Examples are a watch, a share extension, or a tab without shared storage. Each process then has its
own refresh token, without races. All families belong to one session and are revoked with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import router
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.conf import get_settings
from refresh_sessions.database import commit_once, forbid_outer_transaction
from refresh_sessions.devices import read_device
from refresh_sessions.events.record import record_events
from refresh_sessions.exceptions import FamilyLimitReachedError, InvalidTokenError
from refresh_sessions.models import DeviceSession, EventKind, TokenFamily
from refresh_sessions.redaction import hide
from refresh_sessions.rotation import FamilyState, Presenter, Verdict
from refresh_sessions.sessions import access_cache
from refresh_sessions.sessions.access import AccessGrant, check_state
from refresh_sessions.sessions.auth_time import (
    authenticated_at_for_generation,
    require_recent_authentication,
)
from refresh_sessions.sessions.issue import (
    TokenPair,
    get_extra_claims,
    get_idle_expiry,
    issue_pair,
)
from refresh_sessions.sessions.key_binding import (
    NewBinding,
    read_binding_of_child,
    report_requests_without_key,
    require_binding,
    require_bound_child,
    require_key,
)
from refresh_sessions.sessions.locks import lock_session, read_after_lock
from refresh_sessions.sessions.presented_token import (
    get_presenter,
    judge_token,
    refuse,
    require_companion,
)
from refresh_sessions.sessions.queries import family_exists, get_family_state, read_family
from refresh_sessions.sessions.rotate import (
    RefreshQuota,
    apply_rotation,
    compare_and_swap,
)
from refresh_sessions.signals import session_refreshed
from refresh_sessions.tokens import refresh_tokens
from refresh_sessions.tokens.refresh_tokens import hash_secret, new_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedFamily:
    """The tokens of a new family, and the new tokens of the caller's family."""

    opened: TokenPair
    current: TokenPair


@sensitive_variables()
def open_family(
    grant: AccessGrant,
    token: str | refresh_tokens.RefreshClaims,
    *,
    request: HttpRequest | None = None,
    proof: str | None = None,
) -> OpenedFamily:
    """Open another token family in the session of the caller, and rotate the caller's token.

    Requires the newest refresh token and a recent authentication, which the new family inherits.
    An attacker who opens a family with a copied token rotates that token: the next refresh of its
    owner is then detected as reuse.

    Args:
        grant: the result of ``check_access_token``.
        token: the newest refresh token of the same family, or its verified claims.
        request: the request for address, user agent and companion cookie, or None.
        proof: a DPoP proof of the key of the new family, for the same request; required if the
            family of the caller is bound.

    Returns:
        Two pairs: ``opened`` for the second process, ``current`` for the caller to store.

    Raises:
        InvalidTokenError: the refresh token is malformed or forged, or has another family.
        RefreshSupersededError: the refresh token is not the newest one.
        ReauthenticationRequiredError: the last authentication is older than
            ``REAUTHENTICATION_MAX_AGE``.
        FamilyLimitReachedError: the session has ``MAX_FAMILIES_PER_SESSION`` families.
        SessionExpiredError: the session has reached its limit of refreshes.
        SessionRevokedError: the session is revoked, or is revoked now because of reuse.
        DeviceProofRequiredError: ``COMPANION_COOKIE`` is "require", and the cookie is missing.
        InvalidDPoPProofError: the session is bound, and the request has no proof of its key, or
            ``proof`` is missing or invalid.
        DPoPNonceRequiredError: a proof lacks a recent nonce.
        BindingRequiredError: the session is not bound, and the policy requires it.
        DatabaseBusyError: every attempt failed with a transient database error.
        OuterTransactionError: called inside a transaction.

    """
    using = router.db_for_write(TokenFamily)
    forbid_outer_transaction(using)
    token = hide(token)
    claims = refresh_tokens.verify(token) if isinstance(token, str) else token
    operation = _OpenFamily(
        grant=grant,
        claims=claims,
        request=request,
        using=using,
        binding=read_binding_of_child(hide(proof), request),
    )
    try:
        with (
            report_requests_without_key(request),
            access_cache.forget_if_uncertain(grant.session_id),
        ):
            result = commit_once(
                using,
                operation.save,
                is_committed=lambda result: family_exists(result.child, using=using),
            )
    except _RefusalError as refusal:
        # After the rollback, which must not include the revocation.
        return refuse(refusal.verdict, claims, refusal.family, request)
    access_cache.forget(result.parent.session_id)
    session_refreshed.send_robust(
        sender=DeviceSession,
        session=result.parent.session,
        family=result.parent,
        generation=result.parent.generation,
        request=request,
    )
    return operation.issue(result)


class _RefusalError(Exception):
    """A verdict that rolls the transaction back."""

    def __init__(self, verdict: Verdict, family: TokenFamily) -> None:
        super().__init__(verdict)
        self.verdict, self.family = verdict, family


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenFamilyResult:
    """The new family, and its rotated parent."""

    child: TokenFamily
    parent: TokenFamily
    extra: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenFamily:
    """The opening of a family; its methods may run again after transient errors."""

    grant: AccessGrant
    claims: refresh_tokens.RefreshClaims
    request: HttpRequest | None
    using: str
    binding: NewBinding
    """Of the new family."""
    secret: str = field(default_factory=new_secret, repr=False)

    def save(self) -> _OpenFamilyResult:
        access, using = self.grant.claims, self.using
        lock_session(access.session_id, using=using)
        parent = read_family(access, using=using, request=self.request)
        if self.claims.family_id != parent.pk or not self.claims.matches(parent.secret_digest):
            raise InvalidTokenError
        require_key(parent, self.request)
        require_binding(parent.session.user, parent.binding, request=self.request)
        require_bound_child(parent, self.binding)
        presenter = get_presenter(parent, self.request)
        require_companion(parent, presenter)
        state = get_family_state(parent)
        verdict = self._judge(parent, state, presenter)
        check_state(access, parent)
        require_recent_authentication(
            parent, access, max_age=get_settings().REAUTHENTICATION_MAX_AGE
        )
        _check_limit(parent.session, using)
        child = self._create(parent)
        self._rotate(verdict, parent, state, child, presenter)
        record_events(
            [parent.session_id],
            EventKind.FAMILY_OPENED,
            request=self.request,
            actor=parent.session.user,
            details={"family": str(child.pk), "user_agent": read_device(self.request).user_agent},
            using=using,
        )
        # In the transaction: an error of the policy rolls the new family back.
        extra = get_extra_claims(parent.session, request=self.request)
        return _OpenFamilyResult(child=child, parent=parent, extra=extra)

    def issue(self, result: _OpenFamilyResult) -> OpenedFamily:
        secret = self.claims.secret_of_successor(result.parent.secret_digest)
        return OpenedFamily(
            opened=self._issue_pair(result.child, self.secret, result),
            current=self._issue_pair(result.parent, secret, result),
        )

    def _issue_pair(
        self, family: TokenFamily, secret: str, result: _OpenFamilyResult
    ) -> TokenPair:
        now, extra = result.parent.now, result.extra
        return issue_pair(family, secret=secret, now=now, request=self.request, extra=extra)

    def _judge(self, parent: TokenFamily, state: FamilyState, presenter: Presenter) -> Verdict:
        """The verdict of a refresh, restricted to the newest token."""
        verdict = judge_token(self.claims, parent, state, presenter, using=self.using)
        if verdict.repeats and self.claims.generation == state.generation:
            # Unlike a refresh, opening a family rotates within the overlap.
            verdict = Verdict.ROTATE
        elif verdict.repeats or verdict is Verdict.RECOVER:
            verdict = Verdict.SUPERSEDED
        if not verdict.issues_token:
            raise _RefusalError(verdict, parent)
        if not RefreshQuota.for_family(parent).allows(self.claims.generation, state):
            raise _RefusalError(Verdict.REFRESH_LIMIT, parent)
        return verdict

    def _create(self, parent: TokenFamily) -> TokenFamily:
        device = read_device(self.request)
        child = TokenFamily(
            session=parent.session,
            secret_digest=hash_secret(self.secret),
            companion_digest=parent.companion_digest,
            idle_expires_at=get_idle_expiry(parent.session, now=parent.now, request=self.request),
            last_ip_address=device.ip_address,
            last_user_agent=device.user_agent,
            authenticated_at=parent.authenticated_at,
            authentication_methods=parent.authentication_methods,
        )
        self.binding.apply(child)
        child.save(using=self.using, force_insert=True)
        return child

    def _rotate(
        self,
        verdict: Verdict,
        parent: TokenFamily,
        state: FamilyState,
        child: TokenFamily,
        presenter: Presenter,
    ) -> None:
        expected = {
            "generation": parent.generation,
            "redeemable_generation": parent.redeemable_generation,
        }
        parent.authenticated_at = authenticated_at_for_generation(parent, parent.generation)
        apply_rotation(
            parent,
            state,
            verdict,
            generation=self.claims.generation,
            redeemable=self.claims.generation,
            presenter=presenter,
            request=self.request,
            opened_family=child.pk,
        )
        compare_and_swap(parent, expected, using=self.using)


def _check_limit(session: DeviceSession, using: str) -> None:
    usable = TokenFamily.objects.using(using).usable().filter(session=session)
    families = read_after_lock(usable.values_list("pk"), using=using)
    if len(families) >= get_settings().MAX_FAMILIES_PER_SESSION:
        raise FamilyLimitReachedError
