"""Proving one's identity once more, within a session: step-up.

The proof goes to the client that gave it, and to nobody who copied its tokens before: it gets new
tokens, and the ones it had vouch for no more than they did.
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
from refresh_sessions.sessions.access import AccessGrant, check_state
from refresh_sessions.sessions.auth_time import authenticated_at_beside_rotation
from refresh_sessions.sessions.issue import (
    TokenPair,
    access_only,
    get_extra_claims,
    issue_access,
    issue_pair,
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
from refresh_sessions.tokens.refresh_tokens import derive_secret


@sensitive_variables()
def reauthenticate_session(
    grant: AccessGrant, *, methods: Sequence[str], request: HttpRequest | None = None
) -> TokenPair:
    """Give the holder of an accepted access token new tokens that tell of a new proof.

    Call it once identity has been proven, by whatever satisfies the caller.

    Args:
        grant: what ``check_access_token`` gave for the access token.
        methods: how identity was proven, in the words of RFC 8176 (``"pwd"``, ``"otp"``).
        request: for address and user agent.

    Returns:
        The new pair. ``refresh`` is None where the client is to keep the one it stores: moments
        after a rotation, when the access token is not the newest, or past the limit of refreshes.

    Raises:
        InvalidTokenError: the access token has been superseded or has expired meanwhile.
        SessionRevokedError: the session has ended meanwhile.
        DatabaseBusyError: the database did not take the change in several tries.
        OuterTransactionError: called inside a transaction.

    """
    using = router.db_for_write(TokenFamily)
    forbid_outer_transaction(using)
    proof = _Reauthentication(grant=grant, methods=list(methods), request=request, using=using)
    given = commit_once(using, proof.save, is_committed=proof.is_committed)
    proof.announce(given)
    return proof.issue(given)


@sensitive_variables()
def record_failed_reauthentication(
    grant: AccessGrant, *, methods: Sequence[str], request: HttpRequest | None = None
) -> None:
    """Record that somebody with an access token of this session failed to prove who they are.

    Each call adds a row: throttle whoever can cause one.

    Args:
        grant: what ``check_access_token`` gave for the access token.
        methods: the names of the methods that were tried.
        request: for the address.

    Raises:
        DatabaseBusyError: the database did not take the event in several tries.

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
class _Reauthenticated:
    """A proof as it was written."""

    family: TokenFamily
    rotated: bool
    extra: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reauthentication:
    """A proof that was accepted, over as many attempts to write it as it takes."""

    grant: AccessGrant
    methods: list[str]
    request: HttpRequest | None
    using: str

    def save(self) -> _Reauthenticated:
        claims, using = self.grant.claims, self.using
        lock_session(claims.session_id, using=using)
        family = read_family(claims.family_id, using=using, request=self.request)
        check_state(claims, family)
        found = {
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
            compare_and_swap(family, found, using=using)
        else:
            self._write_beside_rotation(family, found)
        record_events(
            [family.session_id],
            EventKind.REAUTHENTICATED,
            request=self.request,
            actor=family.session.user,
            details={"methods": self.methods, "generation": family.generation},
            using=using,
        )
        # Here, so that a policy that fails has not used up the token that the client has.
        extra = get_extra_claims(family.session, request=self.request)
        return _Reauthenticated(family=family, rotated=rotated, extra=extra)

    def is_committed(self, given: _Reauthenticated) -> bool:
        family = given.family
        written = TokenFamily.objects.using(self.using).filter(
            pk=family.pk,
            generation=family.generation,
            authenticated_at=family.authenticated_at,
        )
        return written.exists()

    def issue(self, given: _Reauthenticated) -> TokenPair:
        family = given.family
        if given.rotated:
            secret = derive_secret(family.secret_digest)
            return issue_pair(
                family, secret=secret, now=family.now, request=self.request, extra=given.extra
            )
        token = issue_access(
            family,
            generation=self.grant.claims.generation,
            authenticated_at=family.authenticated_at,
            now=family.now,
            request=self.request,
            extra=given.extra,
        )
        return access_only(token, family)

    def announce(self, given: _Reauthenticated) -> None:
        family = given.family
        about = {"session": family.session, "family": family, "request": self.request}
        if given.rotated:
            session_refreshed.send_robust(
                sender=DeviceSession, generation=family.generation, **about
            )
        session_reauthenticated.send_robust(
            sender=DeviceSession, methods=tuple(self.methods), **about
        )

    def _rotates(self, family: TokenFamily) -> bool:
        state, generation = get_family_state(family), self.grant.claims.generation
        if not rotates_on_reauthentication(
            generation, state, now=family.now, rules=get_rotation_rules()
        ):
            return False
        # No reason to refuse: the proof can do without a refresh.
        return RefreshQuota.for_family(family).allows(generation, state)

    def _write_beside_rotation(self, family: TokenFamily, found: dict[str, int | None]) -> None:
        families = TokenFamily.objects.using(self.using).usable().filter(pk=family.pk, **found)
        changed = families.update(
            authenticated_at=family.authenticated_at,
            authentication_methods=family.authentication_methods,
        )
        if not changed:
            raise ConcurrentUpdateError


def get_step_up_limiter(grant: AccessGrant) -> AttemptLimiter:
    """The proofs of identity within a session: nobody without its tokens can use them up."""
    return get_attempt_limiter(grant.user, "step-up", grant.session_id)
