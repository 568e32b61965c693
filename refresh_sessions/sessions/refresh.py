"""Refresh: exchange a refresh token with one SELECT and at most one UPDATE.

Attempts run in autocommit mode. The UPDATE has a transaction of its own only with a limit of
refreshes. In a transaction around all attempts, a retry would read an outdated snapshot, and an
error response would roll a revocation back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import Error, router
from django.dispatch import Signal
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.database import (
    DatabaseNow,
    forbid_outer_transaction,
    is_connection_lost,
    retry_transient,
)
from refresh_sessions.events.record import record_events
from refresh_sessions.exceptions import DatabaseBusyError, SessionRevokedError
from refresh_sessions.models import DeviceSession, EventKind, TokenFamily
from refresh_sessions.redaction import hide
from refresh_sessions.rotation import (
    FamilyState,
    Presenter,
    Verdict,
    has_companion_priority,
    is_sibling,
    keeps_opened_family,
)
from refresh_sessions.sessions import access_cache
from refresh_sessions.sessions.auth_time import authenticated_at_for_generation
from refresh_sessions.sessions.issue import (
    TokenPair,
    access_only,
    get_extra_claims,
    issue_access,
    issue_pair,
)
from refresh_sessions.sessions.key_binding import (
    may_still_register,
    report_requests_without_key,
    require_binding,
    require_key,
)
from refresh_sessions.sessions.presented_token import (
    get_presenter,
    judge_token,
    refuse,
    require_companion,
)
from refresh_sessions.sessions.queries import get_family_state, read_family
from refresh_sessions.sessions.rotate import (
    ClosedFamily,
    RefreshQuota,
    apply_rotation,
    save_rotation,
)
from refresh_sessions.signals import refresh_token_recovered, session_refreshed
from refresh_sessions.tokens import refresh_tokens
from refresh_sessions.users import get_auth_hash

logger = logging.getLogger("refresh_sessions")
security_logger = logging.getLogger("refresh_sessions.security")


@sensitive_variables()
def refresh_session(
    token: str | refresh_tokens.RefreshClaims,
    *,
    request: HttpRequest | None = None,
) -> TokenPair:
    """Exchange a refresh token for new tokens; needs no access token.

    Args:
        token: the refresh token, or its verified claims.
        request: the request for address, user agent and companion cookie, or None.

    Returns:
        The new pair; ``refresh`` is None if the client keeps its stored token.

    Raises:
        InvalidTokenError: the token is malformed or forged.
        SessionRevokedError: the session is revoked, or is revoked now because of reuse.
        SessionExpiredError: a limit of time, refreshes or recoveries was reached.
        RefreshSupersededError: a sibling has stored a newer token.
        DeviceProofRequiredError: ``COMPANION_COOKIE`` is "require", and the cookie is missing; or
            the session is bound to a device key, and the bound cookie is missing.
        InvalidDPoPProofError: the token is bound, and the request has no proof of its key.
        DPoPNonceRequiredError: the proof of the request lacks a recent nonce.
        BindingRequiredError: the token is not bound, and the policy requires it.
        DatabaseBusyError: every attempt failed with a transient database error; the client may
            retry with the same token.
        OuterTransactionError: called inside a transaction.

    """
    token = hide(token)
    using = router.db_for_write(TokenFamily)
    forbid_outer_transaction(using)
    claims = refresh_tokens.verify(token) if isinstance(token, str) else token
    refresh = _Refresh(claims=claims, request=request, using=using)
    with report_requests_without_key(request):
        return retry_transient(using, refresh.attempt)


@dataclass(slots=True, kw_only=True)
class _Refresh:
    """The exchange of one refresh token, with the state of its attempts."""

    claims: refresh_tokens.RefreshClaims
    request: HttpRequest | None
    using: str
    unconfirmed: list[tuple[Verdict, TokenFamily]] = field(default_factory=list)
    """The rotations whose UPDATE ended with a lost connection."""
    extra: Mapping[str, Any] | None = None
    """The extra claims of the policy, read before the UPDATE."""

    def attempt(self) -> TokenPair:
        family = self._read_family()
        require_key(family, self.request)
        usable = family.session.revoked_at is None and family.closed_at is None
        if usable and (committed := self._find_committed(family)):
            return self._issue(committed, family)
        presenter = get_presenter(family, self.request)
        require_companion(family, presenter)
        state = get_family_state(family)
        verdict = judge_token(self.claims, family, state, presenter, using=self.using)
        if verdict.issues_token or verdict.repeats:
            self._require_binding(family)
        if verdict.issues_token:
            quota = RefreshQuota.for_family(family)
            if not quota.allows(self.claims.generation, state):
                return refuse(Verdict.REFRESH_LIMIT, self.claims, family, self.request)
            # Before the rotation: after an error of the policy, the client's token stays usable.
            self.extra = get_extra_claims(family.session, request=self.request)
            self._rotate(verdict, family, state, presenter, quota)
            return self._issue(verdict, family)
        if verdict.repeats:
            return self._answer_sibling(verdict, family, state, presenter)
        return refuse(verdict, self.claims, family, self.request)

    def _read_family(self) -> TokenFamily:
        """The family of the token, which must match its session and secret."""
        family = read_family(self.claims, using=self.using, request=self.request)
        foreign = family.session_id != self.claims.session_id
        if foreign or not self.claims.matches(family.secret_digest):
            security_logger.warning("Refresh token with a foreign secret, family %s", family.pk)
            raise SessionRevokedError
        return family

    def _require_binding(self, family: TokenFamily) -> None:
        """Refuse an unbound family that the policy requires to be bound."""
        may_register = may_still_register(family)
        user, request = family.session.user, self.request
        require_binding(user, family.binding, request=request, may_register=may_register)

    def _find_committed(self, family: TokenFamily) -> Verdict | None:
        """The verdict of an unconfirmed rotation that was committed, or None.

        Without this check, strict rotation would treat the next attempt as reuse.
        """
        stored = (family.generation, family.redeemable_generation, family.rotated_at)
        for verdict, saved in self.unconfirmed:
            if stored == (saved.generation, saved.redeemable_generation, saved.rotated_at):
                return verdict
        return None

    def _rotate(
        self,
        verdict: Verdict,
        family: TokenFamily,
        state: FamilyState,
        presenter: Presenter,
        quota: RefreshQuota,
    ) -> None:
        expected: dict[str, Any] = {"generation": family.generation}
        closed_family = self._get_closed_family(verdict, family, state, presenter)
        if verdict is not Verdict.RECOVER:
            family.authenticated_at = authenticated_at_for_generation(family, family.generation)
        else:
            if family.delivered_at is None:
                # Only if the successor was not seen in use meanwhile.
                expected["delivered_at"] = None
            # The client of a recovery may be an attacker, and the user may have re-authenticated.
            family.authenticated_at = None
        apply_rotation(
            family,
            state,
            verdict,
            generation=self.claims.generation,
            redeemable=self.claims.generation,
            presenter=presenter,
            request=self.request,
        )
        try:
            save_rotation(
                family, expected, quota=quota, closed_family=closed_family, using=self.using
            )
        except Error as error:
            if is_connection_lost(error):
                self.unconfirmed.append((verdict, family))
                self._forget_snapshots(verdict, family)
            raise

    def _get_closed_family(
        self, verdict: Verdict, family: TokenFamily, state: FamilyState, presenter: Presenter
    ) -> ClosedFamily | None:
        """The family that the previous rotation opened, if this recovery closes it."""
        if verdict is not Verdict.RECOVER or family.opened_family is None:
            return None
        if keeps_opened_family(state, presenter):
            return None
        priority = has_companion_priority(state, presenter)
        return ClosedFamily(pk=family.opened_family, even_if_used=priority)

    def _forget_snapshots(self, verdict: Verdict, family: TokenFamily) -> None:
        # A recovery makes access tokens unusable that an attacker may hold.
        access_cache.forget(family.session_id, urgent=verdict is not Verdict.ROTATE)

    def _issue(self, verdict: Verdict, family: TokenFamily) -> TokenPair:
        self._forget_snapshots(verdict, family)
        if verdict is Verdict.AHEAD_OF_DATABASE:
            self._try_or_log(lambda: self._record_ahead_of_database(family))
        if verdict is Verdict.RECOVER:
            self._announce(refresh_token_recovered, family)
        self._try_or_log(lambda: _renew_auth_hash(family.session, self.using))
        self._announce(session_refreshed, family)
        return issue_pair(
            family,
            secret=self.claims.secret_of_successor(family.secret_digest),
            now=family.now,
            request=self.request,
            extra=self.extra,
        )

    def _answer_sibling(
        self, verdict: Verdict, family: TokenFamily, state: FamilyState, presenter: Presenter
    ) -> TokenPair:
        """The pair for a request within the overlap, without a rotation."""
        if verdict is Verdict.SUCCESSOR:
            secret = self.claims.secret_of_successor(family.secret_digest)
            pair = issue_pair(family, secret=secret, now=family.now, request=self.request)
            return replace(pair, repeated=True)
        resent = verdict is Verdict.RESEND
        token = issue_access(
            family,
            generation=self.claims.generation,
            # None for ACCESS_ONLY, which an attacker with a copied token can always get. Siblings
            # rarely get it shortly after a re-authentication.
            authenticated_at=authenticated_at_for_generation(family, self.claims.generation)
            if resent
            else None,
            now=family.now,
            request=self.request,
        )
        pair = access_only(token, family)
        if resent:
            expires_at = self.claims.expires_at
            return replace(pair, refresh=self.claims.token, refresh_expires_at=expires_at)
        self._record_sibling(family, state, presenter)
        return pair

    def _record_sibling(
        self, family: TokenFamily, state: FamilyState, presenter: Presenter
    ) -> None:
        """Record once per rotation that a client may store its presented token again.

        Many OAuth libraries do so after a response without a refresh token (RFC 6749 §6).
        """
        used = self.claims.generation == family.redeemable_generation
        recorded = family.sibling_answered_at is not None
        if used and not recorded and is_sibling(state, presenter):
            rows = TokenFamily.objects.using(self.using).filter(
                pk=family.pk, generation=family.generation, sibling_answered_at__isnull=True
            )
            self._try_or_log(lambda: rows.update(sibling_answered_at=DatabaseNow()))

    def _try_or_log(self, step: Callable[[], object]) -> None:
        """Best-effort step after the rotation: log errors, never fail the refresh."""
        try:
            retry_transient(self.using, step)
        except (Error, DatabaseBusyError):
            logger.exception("A step after the refresh failed")

    def _record_ahead_of_database(self, family: TokenFamily) -> None:
        record_events(
            [family.session_id],
            EventKind.TOKEN_AHEAD_OF_DATABASE,
            request=self.request,
            details={"generation": family.generation},
            using=self.using,
        )

    def _announce(self, signal: Signal, family: TokenFamily) -> None:
        signal.send_robust(
            sender=DeviceSession,
            session=family.session,
            family=family,
            generation=family.generation,
            request=self.request,
        )


def _renew_auth_hash(session: DeviceSession, using: str) -> None:
    """Update the digest of the password after a rotation of ``SECRET_KEY``."""
    current = get_auth_hash(session.user)
    if session.auth_hash != current:
        sessions = DeviceSession.objects.using(using).filter(pk=session.pk)
        sessions.filter(auth_hash=session.auth_hash).update(auth_hash=current)
