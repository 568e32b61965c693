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

from refresh_sessions.accounts import auth_digest
from refresh_sessions.database import (
    forbid_outer_transaction,
    is_connection_lost,
    retry_when_busy,
)
from refresh_sessions.exceptions import DatabaseBusyError, SessionRevokedError
from refresh_sessions.hidden import hide
from refresh_sessions.models import DeviceSession, EventKind, TokenFamily
from refresh_sessions.rotation import Verdict, judge
from refresh_sessions.sessions.issuing import (
    TokenPair,
    access_only,
    extra_claims,
    issue_access,
    issue_pair,
)
from refresh_sessions.sessions.proving import proof_of
from refresh_sessions.sessions.reading import read_family, state_of
from refresh_sessions.sessions.recording import record
from refresh_sessions.sessions.refusing import refuse
from refresh_sessions.sessions.rotating import Allowance, advance, rules_in_force, write
from refresh_sessions.signals import refresh_token_recovered, session_refreshed
from refresh_sessions.tokens import refresh

logger = logging.getLogger("refresh_sessions")
security_logger = logging.getLogger("refresh_sessions.security")


@sensitive_variables()
def refresh_session(
    token: str | refresh.RefreshClaims, *, request: HttpRequest | None = None
) -> TokenPair:
    """Exchange a refresh token for new tokens. Looks at nothing but the refresh token.

    Args:
        token: the refresh token, or its claims where the caller has verified it already.
        request: for address and user agent.

    Returns:
        The new pair; ``refresh`` is None where the client is to keep the one it stores.

    Raises:
        InvalidTokenError: we did not issue it.
        SessionRevokedError: its session has ended, or ends now because the token was used before.
        SessionExpiredError: a limit in time or number has been reached.
        RefreshSupersededError: a sibling has just stored a newer token.
        DatabaseBusyError: no answer in several tries; come again with the same token.
        OuterTransactionError: called inside a transaction.

    """
    token = hide(token)
    using = router.db_for_write(TokenFamily)
    forbid_outer_transaction(using)
    claims = refresh.verify(token) if isinstance(token, str) else token
    presented = _Refresh(claims=claims, request=request, using=using)
    return retry_when_busy(using, presented.attempt)


@dataclass(slots=True, kw_only=True)
class _Refresh:
    """One presented token, over as many attempts as it takes."""

    claims: refresh.RefreshClaims
    request: HttpRequest | None
    using: str
    unsure: list[tuple[Verdict, TokenFamily]] = field(default_factory=list)
    """What was being written each time the connection broke."""
    extra: Mapping[str, Any] | None = None
    """What the policy adds to the access token, asked before anything is written."""

    def attempt(self) -> TokenPair:
        family = self._read()
        state = state_of(family)
        if not state.ended and (written := self._has_been_written(family)):
            return self._issue(written, family)
        verdict = judge(
            self.claims.generation,
            state,
            token_expires_at=self.claims.expires_at,
            now=family.now,
            rules=rules_in_force(),
        )
        if verdict.mints:
            allowance = Allowance.of(family)
            if not allowance.permits(self.claims.generation, state):
                return refuse(Verdict.REFRESH_LIMIT, self.claims, family, self.request)
            # A policy that fails must not use up the token that the client has.
            self.extra = extra_claims(family.session, request=self.request)
            self._rotate(verdict, family, allowance)
            return self._issue(verdict, family)
        if verdict is Verdict.UNCHANGED or verdict is Verdict.ACCESS_ONLY:
            return self._access_for_sibling(verdict, family)
        return refuse(verdict, self.claims, family, self.request)

    def _read(self) -> TokenFamily:
        """The family with session, user and clock, on the primary: a replica may lag behind."""
        family = read_family(self.claims.family_id, using=self.using)
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

    def _rotate(self, verdict: Verdict, family: TokenFamily, allowance: Allowance) -> None:
        found: dict[str, Any] = {"generation": family.generation}
        if verdict is not Verdict.RECOVER:
            family.redeemable_generation = self.claims.generation
            family.authenticated_at = proof_of(family, family.generation)
        else:
            # Only as long as nobody has seen the successor in use.
            found["delivered_at"] = None
            # Whoever retries may be a thief; what the owner proved is not theirs.
            family.authenticated_at = None
        advance(family, generation=self.claims.generation, request=self.request)
        try:
            write(family, found, allowance=allowance, using=self.using)
        except Error as error:
            if is_connection_lost(error):
                self.unsure.append((verdict, family))
            raise

    def _issue(self, verdict: Verdict, family: TokenFamily) -> TokenPair:
        if verdict is Verdict.HEAL:
            self._try(lambda: self._record_healing(family))
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

    def _access_for_sibling(self, verdict: Verdict, family: TokenFamily) -> TokenPair:
        """An access token for the generation that this client holds; nothing is written."""
        token = issue_access(
            family,
            generation=self.claims.generation,
            proven=proof_of(family, self.claims.generation),
            now=family.now,
            request=self.request,
        )
        pair = access_only(token, family)
        if verdict is not Verdict.UNCHANGED:
            return pair
        return replace(pair, refresh=self.claims.token, refresh_expires_at=self.claims.expires_at)

    def _try(self, step: Callable[[], object]) -> None:
        """Do what is good to have. The token has been used: the client must get the next one."""
        try:
            retry_when_busy(self.using, step)
        except (Error, DatabaseBusyError):
            logger.exception("A step after the refresh failed")

    def _record_healing(self, family: TokenFamily) -> None:
        record(
            [family.session_id],
            EventKind.HEALED,
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
    current = auth_digest(session.user)
    if session.auth_hash != current:
        sessions = DeviceSession.objects.using(using).filter(pk=session.pk)
        sessions.filter(auth_hash=session.auth_hash).update(auth_hash=current)
