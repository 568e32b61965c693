"""Refreshing: one SELECT, the verdict, and at most one UPDATE.

Each attempt runs in autocommit; only where refreshes are limited is the UPDATE in a transaction of
its own. Inside one long transaction the loser of a race would read its own old snapshot for ever,
and a failing answer would roll a revocation back.
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
from refresh_sessions.sessions.auth_time import authenticated_at_for_generation
from refresh_sessions.sessions.issue import (
    TokenPair,
    access_only,
    get_extra_claims,
    issue_access,
    issue_pair,
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
    """Exchange a refresh token for new tokens. Looks at no access token.

    Args:
        token: the refresh token, or its claims where the caller has verified it already.
        request: for address, user agent and companion cookie.

    Returns:
        The new pair; ``refresh`` is None where the client is to keep the one it stores.

    Raises:
        InvalidTokenError: we did not issue it.
        SessionRevokedError: its session has ended, or ends now because the token was used before.
        SessionExpiredError: a limit in time or number has been reached.
        RefreshSupersededError: a sibling has just stored a newer token.
        DeviceProofRequiredError: ``COMPANION_COOKIE`` is "require", and the cookie is missing.
        DatabaseBusyError: no answer in several tries; come again with the same token.
        OuterTransactionError: called inside a transaction.

    """
    token = hide(token)
    using = router.db_for_write(TokenFamily)
    forbid_outer_transaction(using)
    claims = refresh_tokens.verify(token) if isinstance(token, str) else token
    presented = _Refresh(claims=claims, request=request, using=using)
    return retry_transient(using, presented.attempt)


@dataclass(slots=True, kw_only=True)
class _Refresh:
    """One presented token, over as many attempts as it takes."""

    claims: refresh_tokens.RefreshClaims
    request: HttpRequest | None
    using: str
    unsure: list[tuple[Verdict, TokenFamily]] = field(default_factory=list)
    """What was being written each time the connection broke."""
    extra: Mapping[str, Any] | None = None
    """What the policy adds to the access token, asked before anything is written."""

    def attempt(self) -> TokenPair:
        family = self._read()
        usable = family.session.revoked_at is None and family.closed_at is None
        if usable and (written := self._has_been_written(family)):
            return self._issue(written, family)
        presenter = get_presenter(family, self.request)
        require_companion(family, presenter)
        state = get_family_state(family)
        verdict = judge_token(self.claims, family, state, presenter, using=self.using)
        if verdict.issues_token:
            allowance = RefreshQuota.for_family(family)
            if not allowance.allows(self.claims.generation, state):
                return refuse(Verdict.REFRESH_LIMIT, self.claims, family, self.request)
            # A policy that fails must not use up the token that the client has.
            self.extra = get_extra_claims(family.session, request=self.request)
            self._rotate(verdict, family, state, presenter, allowance)
            return self._issue(verdict, family)
        if verdict.repeats:
            return self._answer_sibling(verdict, family, state, presenter)
        return refuse(verdict, self.claims, family, self.request)

    def _read(self) -> TokenFamily:
        """The family with session, user and clock, on the primary: a replica may lag behind."""
        family = read_family(self.claims.family_id, using=self.using, request=self.request)
        foreign = family.session_id != self.claims.session_id
        if foreign or not self.claims.matches(family.secret_digest):
            security_logger.warning("Refresh token with a foreign secret, family %s", family.pk)
            raise SessionRevokedError
        return family

    def _has_been_written(self, family: TokenFamily) -> Verdict | None:
        # Without this look, strict rotation would take the retry for a replay.
        found = (family.generation, family.redeemable_generation, family.rotated_at)
        for verdict, written in self.unsure:
            if found == (written.generation, written.redeemable_generation, written.rotated_at):
                return verdict
        return None

    def _rotate(
        self,
        verdict: Verdict,
        family: TokenFamily,
        state: FamilyState,
        presenter: Presenter,
        allowance: RefreshQuota,
    ) -> None:
        found: dict[str, Any] = {"generation": family.generation}
        closes = self._closed_by(verdict, family, state, presenter)
        if verdict is not Verdict.RECOVER:
            family.authenticated_at = authenticated_at_for_generation(family, family.generation)
        else:
            if family.delivered_at is None:
                # Only as long as nobody has seen the successor in use.
                found["delivered_at"] = None
            # The client that retries may be an attacker; the owner re-authenticated.
            family.authenticated_at = None
        apply_rotation(
            family,
            state,
            verdict,
            generation=self.claims.generation,
            # What a recovery redeems once more, and any other rotation from now on.
            redeemable=self.claims.generation,
            presenter=presenter,
            request=self.request,
        )
        try:
            save_rotation(family, found, allowance=allowance, closes=closes, using=self.using)
        except Error as error:
            if is_connection_lost(error):
                self.unsure.append((verdict, family))
            raise

    def _closed_by(
        self, verdict: Verdict, family: TokenFamily, state: FamilyState, presenter: Presenter
    ) -> ClosedFamily | None:
        """The family that the rotation before opened, if a recovery takes that back."""
        if verdict is not Verdict.RECOVER or family.opened_family is None:
            return None
        if keeps_opened_family(state, presenter):
            return None
        priority = has_companion_priority(state, presenter)
        return ClosedFamily(pk=family.opened_family, even_if_used=priority)

    def _issue(self, verdict: Verdict, family: TokenFamily) -> TokenPair:
        if verdict is Verdict.AHEAD_OF_DATABASE:
            self._try(lambda: self._record_ahead_of_database(family))
        if verdict is Verdict.RECOVER:
            self._announce(refresh_token_recovered, family)
        self._try(lambda: _renew_auth_hash(family.session, self.using))
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
        """Answer a request that was under way while a sibling rotated."""
        if verdict is Verdict.SUCCESSOR:
            secret = self.claims.secret_of_successor(family.secret_digest)
            pair = issue_pair(family, secret=secret, now=family.now, request=self.request)
            return replace(pair, repeated=True)
        resent = verdict is Verdict.RESEND
        token = issue_access(
            family,
            generation=self.claims.generation,
            # An attacker with a copied token always gets this answer, siblings rarely do within
            # minutes of a re-authentication.
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
        self._note_sibling(family, state, presenter)
        return pair

    def _note_sibling(self, family: TokenFamily, state: FamilyState, presenter: Presenter) -> None:
        """Note once per rotation that a client may write the token back that it presented.

        Many OAuth libraries do so after an answer without a refresh token (RFC 6749 §6).
        """
        used = self.claims.generation == family.redeemable_generation
        noted = family.sibling_answered_at is not None
        if used and not noted and is_sibling(state, presenter):
            rows = TokenFamily.objects.using(self.using).filter(
                pk=family.pk, generation=family.generation, sibling_answered_at__isnull=True
            )
            self._try(lambda: rows.update(sibling_answered_at=DatabaseNow()))

    def _try(self, step: Callable[[], object]) -> None:
        """Do what is good to have. The token has been used: the client must get the next one."""
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
    """Once per session after SECRET_KEY was rotated, before the fallback goes away."""
    current = get_auth_hash(session.user)
    if session.auth_hash != current:
        sessions = DeviceSession.objects.using(using).filter(pk=session.pk)
        sessions.filter(auth_hash=session.auth_hash).update(auth_hash=current)
