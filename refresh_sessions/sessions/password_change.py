"""Password change: keep the session with new tokens, and revoke all other sessions."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ObjectDoesNotExist
from django.db import router
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.batches import BATCH_SIZE
from refresh_sessions.database import (
    ConcurrentUpdateError,
    after_commit,
    commit_once,
    retry_transient,
)
from refresh_sessions.events.record import record_events
from refresh_sessions.exceptions import DatabaseBusyError, SessionRevokedError
from refresh_sessions.identity.passwords import keep_session
from refresh_sessions.models import DeviceSession, EventKind, RevokedReason, TokenFamily
from refresh_sessions.redaction import hide
from refresh_sessions.rotation import (
    redeemable_after_reauthentication,
    rotates_on_reauthentication,
)
from refresh_sessions.sessions import access_cache
from refresh_sessions.sessions.access import AccessGrant, check_state
from refresh_sessions.sessions.auth_time import (
    authenticated_at_for_generation,
    authenticated_at_for_token,
)
from refresh_sessions.sessions.issue import (
    TokenPair,
    get_extra_claims,
    issue_by_access_token,
)
from refresh_sessions.sessions.key_binding import report_requests_without_key, require_key
from refresh_sessions.sessions.locks import lock_session, lock_user, read_after_lock
from refresh_sessions.sessions.presented_token import get_rotation_rules
from refresh_sessions.sessions.queries import get_family_state, read_family
from refresh_sessions.sessions.revoke import (
    Revocation,
    announce_revocation,
    revoke_many,
)
from refresh_sessions.sessions.rotate import (
    RefreshQuota,
    apply_rotation_by_access_token,
    compare_and_swap,
)
from refresh_sessions.signals import session_refreshed
from refresh_sessions.tenants import cache_prefix
from refresh_sessions.users import get_auth_hash, get_password_fingerprint


@sensitive_variables()
def change_password(
    grant: AccessGrant, new_password: str, *, request: HttpRequest | None = None
) -> TokenPair:
    """Store a new password, keep the session of an accepted access token, revoke all others.

    The counterpart of Django's ``update_session_auth_hash`` for device sessions. The caller has to
    require re-authentication, as this is a sensitive action, and to validate the password. Saves
    only the field ``password`` of the user.

    May be called inside a transaction. Signals are sent after its commit.

    Args:
        grant: the result of ``check_access_token``; its user object gets the new password.
        new_password: the plain password.
        request: the request for address and user agent, or None.

    Returns:
        The new pair. Older tokens become unusable as after a re-authentication. The authentication
        time stays the same. ``refresh`` is None if the client keeps its stored token: within the
        overlap, if the access token is not the newest, or past the limit of refreshes.

    Raises:
        InvalidTokenError: the access token has expired or was superseded since its check.
        SessionRevokedError: the session has ended or the password has changed since the check.
        InvalidDPoPProofError: the session is bound, and the request has no proof of its key.
        DPoPNonceRequiredError: the proof of the request lacks a recent nonce.
        DeviceProofRequiredError: the session is bound to a device key, and the bound cookie is
            missing.
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    new_password = hide(new_password)
    using = router.db_for_write(TokenFamily)
    user = retry_transient(using, lambda: _read_user(grant, using))
    # Once, and before any row is locked: password hashing is slow.
    user.set_password(new_password)
    change = _PasswordChange(grant=grant, user=user, request=request, using=using)
    try:
        with (
            report_requests_without_key(request),
            access_cache.forget_if_uncertain(grant.session_id),
        ):
            result = commit_once(using, change.save, is_committed=change.is_committed)
    except ConcurrentUpdateError as error:
        # Only inside an outer transaction, which the caller has to restart.
        raise DatabaseBusyError from error
    # A later save of this object must not restore the old password.
    grant.user.password = user.password
    after_commit(using, lambda: change.announce(result))
    return change.issue(result)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PasswordChangeResult:
    """The rows that a password change has written, and the extra claims."""

    family: TokenFamily
    rotated: bool
    authenticated_at: datetime | None
    """The authentication time of the access token, for the token that replaces it."""
    revoked: list[DeviceSession]
    extra: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _PasswordChange:
    """A password change; its methods may run again after transient errors."""

    grant: AccessGrant
    user: AbstractBaseUser
    """The user with the new password, which is not saved yet."""
    request: HttpRequest | None
    using: str
    tenant_prefix: str = field(default_factory=cache_prefix)
    """The cache prefix of the tenant; the tenant may differ at the commit."""

    def save(self) -> _PasswordChangeResult:
        claims, using = self.grant.claims, self.using
        # In the same order as a login, to prevent deadlocks.
        lock_user(self.user, using=using)
        lock_session(claims.session_id, using=using)
        family = read_family(claims, using=using, request=self.request)
        check_state(claims, family)
        require_key(family, self.request)
        authenticated_at = authenticated_at_for_token(family, claims)
        rotated = self._rotate(family)
        # Before the signal of the saved user, so that the events have this actor and address.
        revoked = self._revoke_others(family.session)
        self._save_password(family.session)
        record_events(
            [family.session_id],
            EventKind.PASSWORD_CHANGED,
            request=self.request,
            actor=self.user,
            details={"generation": family.generation},
            using=using,
        )
        # In the transaction: an error of the policy rolls the rotation back.
        extra = get_extra_claims(family.session, request=self.request)
        return _PasswordChangeResult(
            family=family,
            rotated=rotated,
            authenticated_at=authenticated_at,
            revoked=revoked,
            extra=extra,
        )

    def is_committed(self, result: _PasswordChangeResult) -> bool:
        session = result.family.session
        sessions = DeviceSession.objects.using(self.using)
        # Password hashes are salted, so the digest identifies this change.
        return sessions.filter(pk=session.pk, auth_hash=session.auth_hash).exists()

    def issue(self, result: _PasswordChangeResult) -> TokenPair:
        return issue_by_access_token(
            result.family,
            rotated=result.rotated,
            generation=self.grant.claims.generation,
            authenticated_at=result.authenticated_at,
            request=self.request,
            extra=result.extra,
        )

    def announce(self, result: _PasswordChangeResult) -> None:
        family = result.family
        announce_revocation(result.revoked, self._get_revocation())
        if result.rotated:
            access_cache.forget(family.session_id, prefix=self.tenant_prefix, urgent=True)
            session_refreshed.send_robust(
                sender=DeviceSession,
                session=family.session,
                family=family,
                generation=family.generation,
                request=self.request,
            )

    def _rotate(self, family: TokenFamily) -> bool:
        """Rotate the family if a re-authentication would, and return whether it did."""
        state, generation = get_family_state(family), self.grant.claims.generation
        rules = get_rotation_rules()
        rotates = rotates_on_reauthentication(generation, state, now=family.now, rules=rules)
        # Past the limit of refreshes, the password change succeeds without a rotation.
        if not rotates or not RefreshQuota.for_family(family).allows(generation, state):
            return False
        expected = {
            "generation": family.generation,
            "redeemable_generation": family.redeemable_generation,
        }
        # As in a refresh: an authentication for one access token does not apply to refresh tokens.
        family.authenticated_at = authenticated_at_for_generation(family, generation)
        redeemable = redeemable_after_reauthentication(state, rules=rules)
        apply_rotation_by_access_token(family, state, redeemable=redeemable, request=self.request)
        compare_and_swap(family, expected, using=self.using)
        return True

    def _revoke_others(self, session: DeviceSession) -> list[DeviceSession]:
        others = DeviceSession.objects.using(self.using).active().for_user(self.user)
        keys = others.exclude(pk=session.pk).order_by("pk").values_list("pk", flat=True)
        ids = list(read_after_lock(keys, using=self.using))
        revoked = []
        for start in range(0, len(ids), BATCH_SIZE):
            batch = ids[start : start + BATCH_SIZE]
            revoked += revoke_many(batch, self._get_revocation(), using=self.using)
        return revoked

    def _save_password(self, session: DeviceSession) -> None:
        # A copy, as save() discards the plain password, which it passes to the password
        # validators. A further attempt needs it again.
        user = copy(self.user)
        with keep_session(session.pk):
            user.save(using=self.using, update_fields=["password"])
        session.user.password = user.password
        session.auth_hash = get_auth_hash(user)
        sessions = DeviceSession.objects.using(self.using).filter(pk=session.pk)
        sessions.update(
            auth_hash=session.auth_hash, password_fingerprint=get_password_fingerprint(user)
        )

    def _get_revocation(self) -> Revocation:
        return Revocation(
            reason=RevokedReason.PASSWORD_CHANGED,
            by=self.user,
            request=self.request,
            tenant_prefix=self.tenant_prefix,
        )


def _read_user(grant: AccessGrant, using: str) -> AbstractBaseUser:
    try:
        return get_user_model()._base_manager.using(using).get(pk=grant.user.pk)
    except ObjectDoesNotExist:
        raise SessionRevokedError from None
