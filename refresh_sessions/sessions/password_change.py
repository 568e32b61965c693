"""Changing the password within a session: it goes on with new tokens, all others are revoked."""

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
from refresh_sessions.sessions.access import AccessGrant, check_state
from refresh_sessions.sessions.auth_time import (
    authenticated_at_for_generation,
    authenticated_at_for_token,
)
from refresh_sessions.sessions.issue import (
    TokenPair,
    access_only,
    get_extra_claims,
    issue_access,
    issue_pair,
)
from refresh_sessions.sessions.locks import lock_session, lock_user, read_after_lock
from refresh_sessions.sessions.presented_token import get_rotation_rules
from refresh_sessions.sessions.queries import get_family_state, read_family
from refresh_sessions.sessions.revoke import (
    BATCH_SIZE,
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
from refresh_sessions.tokens.refresh_tokens import derive_secret
from refresh_sessions.users import get_auth_hash, get_password_fingerprint


@sensitive_variables()
def change_password(
    grant: AccessGrant, new_password: str, *, request: HttpRequest | None = None
) -> TokenPair:
    """Store a new password, keep the session of an accepted access token, revoke all others.

    For device sessions what ``update_session_auth_hash`` is for Django's own: whoever changes
    their password stays signed in on the device in hand, and nowhere else. It is a sensitive
    action, so have identity proven before; and have the password validated, which is left to the
    caller. Only the field ``password`` of the user is saved.

    May be called inside a transaction; signals are sent once it is committed.

    Args:
        grant: what ``check_access_token`` gave for the access token; its user gets the new
            password as well.
        new_password: as it was typed.
        request: for address and user agent.

    Returns:
        The new pair. Tokens from before it become unusable as after a step-up, and a proof of
        identity stays as old as it is. ``refresh`` is None where the client is to keep the one it
        stores: moments after a rotation, when the access token is not the newest, or past the
        limit of refreshes.

    Raises:
        InvalidTokenError: the access token has been superseded or has expired meanwhile.
        SessionRevokedError: the session has ended meanwhile, or the password has been changed.
        DatabaseBusyError: the database did not take the change in several tries.

    """
    new_password = hide(new_password)
    using = router.db_for_write(TokenFamily)
    user = retry_transient(using, lambda: _read_user(grant, using))
    # Once and before any row is locked: a hash takes long by intent.
    user.set_password(new_password)
    change = _Change(grant=grant, user=user, request=request, using=using)
    try:
        changed = commit_once(using, change.make, is_committed=change.is_committed)
    except ConcurrentUpdateError as error:
        # Only inside a transaction of the caller's, which has to begin again.
        raise DatabaseBusyError from error
    # Whoever saves this object later must not bring the old password back.
    grant.user.password = user.password
    after_commit(using, lambda: change.announce(changed))
    return change.issue(changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changed:
    """A change of the password as it was written."""

    family: TokenFamily
    rotated: bool
    authenticated_at: datetime | None
    """When the holder of the access token proved who they are, for a token that replaces it."""
    revoked: list[DeviceSession]
    extra: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """A change of the password, over as many attempts to write it as it takes."""

    grant: AccessGrant
    user: AbstractBaseUser
    """With the new password, which is not saved yet."""
    request: HttpRequest | None
    using: str
    tenant_prefix: str = field(default_factory=cache_prefix)
    """Of the present tenant: the commit may come later."""

    def make(self) -> _Changed:
        claims, using = self.grant.claims, self.using
        # In the order in which a sign-in takes its turns, so that neither waits for the other.
        lock_user(self.user, using=using)
        lock_session(claims.session_id, using=using)
        family = read_family(claims.family_id, using=using, request=self.request)
        check_state(claims, family)
        authenticated_at = authenticated_at_for_token(family, claims)
        rotated = self._rotate(family)
        # Before the password is saved, so that they are revoked by this user and this request.
        revoked = self._revoke_others(family.session)
        self._save(family.session)
        record_events(
            [family.session_id],
            EventKind.PASSWORD_CHANGED,
            request=self.request,
            actor=self.user,
            details={"generation": family.generation},
            using=using,
        )
        # Here, so that a policy that fails has not used up the token that the client has.
        extra = get_extra_claims(family.session, request=self.request)
        return _Changed(
            family=family,
            rotated=rotated,
            authenticated_at=authenticated_at,
            revoked=revoked,
            extra=extra,
        )

    def is_committed(self, changed: _Changed) -> bool:
        session = changed.family.session
        sessions = DeviceSession.objects.using(self.using)
        # The hash of a password is salted, so no other change leads to the same digest.
        return sessions.filter(pk=session.pk, auth_hash=session.auth_hash).exists()

    def issue(self, changed: _Changed) -> TokenPair:
        family = changed.family
        if changed.rotated:
            secret = derive_secret(family.secret_digest)
            return issue_pair(
                family, secret=secret, now=family.now, request=self.request, extra=changed.extra
            )
        token = issue_access(
            family,
            generation=self.grant.claims.generation,
            authenticated_at=changed.authenticated_at,
            now=family.now,
            request=self.request,
            extra=changed.extra,
        )
        return access_only(token, family)

    def announce(self, changed: _Changed) -> None:
        family = changed.family
        announce_revocation(changed.revoked, self._revocation())
        if changed.rotated:
            session_refreshed.send_robust(
                sender=DeviceSession,
                session=family.session,
                family=family,
                generation=family.generation,
                request=self.request,
            )

    def _rotate(self, family: TokenFamily) -> bool:
        """Make the tokens from before unusable, where a step-up would, and say whether it was."""
        state, generation = get_family_state(family), self.grant.claims.generation
        rules = get_rotation_rules()
        rotates = rotates_on_reauthentication(generation, state, now=family.now, rules=rules)
        # No reason to refuse: the password can do without a refresh.
        if not rotates or not RefreshQuota.for_family(family).allows(generation, state):
            return False
        found = {
            "generation": family.generation,
            "redeemable_generation": family.redeemable_generation,
        }
        # As a refresh does: a proof that was given to one access token goes to no refresh token.
        family.authenticated_at = authenticated_at_for_generation(family, generation)
        redeemable = redeemable_after_reauthentication(state, rules=rules)
        apply_rotation_by_access_token(family, state, redeemable=redeemable, request=self.request)
        compare_and_swap(family, found, using=self.using)
        return True

    def _revoke_others(self, session: DeviceSession) -> list[DeviceSession]:
        others = DeviceSession.objects.using(self.using).active().for_user(self.user)
        keys = others.exclude(pk=session.pk).order_by("pk").values_list("pk", flat=True)
        ids = list(read_after_lock(keys, using=self.using))
        revoked = []
        for start in range(0, len(ids), BATCH_SIZE):
            batch = ids[start : start + BATCH_SIZE]
            revoked += revoke_many(batch, self._revocation(), using=self.using)
        return revoked

    def _save(self, session: DeviceSession) -> None:
        # Of a copy: saving forgets the plain password, of which validators are to be told again
        # if this attempt is rolled back.
        user = copy(self.user)
        with keep_session(session.pk):
            user.save(using=self.using, update_fields=["password"])
        session.user.password = user.password
        session.auth_hash = get_auth_hash(user)
        sessions = DeviceSession.objects.using(self.using).filter(pk=session.pk)
        sessions.update(
            auth_hash=session.auth_hash, password_fingerprint=get_password_fingerprint(user)
        )

    def _revocation(self) -> Revocation:
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
