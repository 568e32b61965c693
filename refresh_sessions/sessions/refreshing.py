"""Refreshing: one SELECT, the verdict, and at most one UPDATE.

Each attempt runs in autocommit. Inside one long transaction the loser of a race would read its
own old snapshot for ever, and a failing answer would roll a revocation back.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import Error, router
from django.dispatch import Signal
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.accounts import auth_digest, is_current, may_sign_in
from refresh_sessions.conf import get_settings
from refresh_sessions.database import (
    LostRaceError,
    forbid_outer_transaction,
    is_connection_lost,
    retry_when_busy,
)
from refresh_sessions.devices import device_of
from refresh_sessions.exceptions import SessionRevokedError
from refresh_sessions.models import DeviceSession, EventKind, TokenFamily
from refresh_sessions.policies import get_policy
from refresh_sessions.rotation import FamilyState, Rules, Verdict, judge
from refresh_sessions.sessions.issuing import TokenPair, idle_expiry, issue_access, issue_pair
from refresh_sessions.sessions.reading import read_family
from refresh_sessions.sessions.recording import record
from refresh_sessions.sessions.refusing import refuse
from refresh_sessions.signals import refresh_token_recovered, session_refreshed
from refresh_sessions.tokens import refresh

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
        DatabaseBusyError: nothing was decided in several tries; the token has not been used.
        OuterTransactionError: called inside a transaction.

    """
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
    unsure: TokenFamily | None = None
    """What was being written when the connection broke."""

    def attempt(self) -> TokenPair:
        family = self._read()
        state = _state_of(family)
        if not state.ended and self._has_been_written(family):
            return self._issue(family)
        verdict = judge(
            self.claims.generation,
            state,
            token_expires_at=self.claims.expires_at,
            now=family.now,
            rules=_rules_for(family),
        )
        if verdict.mints:
            self._rotate(verdict, family)
            return self._issue(family)
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

    def _has_been_written(self, family: TokenFamily) -> bool:
        # Without this look, strict rotation would take the retry for a replay.
        written = self.unsure
        return written is not None and (
            (written.generation, written.redeemable_generation, written.rotated_at)
            == (family.generation, family.redeemable_generation, family.rotated_at)
        )

    def _rotate(self, verdict: Verdict, family: TokenFamily) -> None:
        found = family.generation
        family.generation = max(found, self.claims.generation) + 1
        if verdict is not Verdict.RECOVER:
            family.redeemable_generation = self.claims.generation
        else:
            # Whoever retries may be a thief; what the owner proved is not theirs.
            family.authenticated_at = None
        device = device_of(self.request)
        family.rotated_at = family.now
        family.delivered_at = None
        family.idle_expires_at = idle_expiry(family.session, now=family.now, request=self.request)
        family.last_ip_address = device.ip_address
        family.last_user_agent = device.user_agent
        try:
            _compare_and_swap(family, found, self.using)
        except Error as error:
            if is_connection_lost(error):
                self.unsure = family
            raise
        if verdict is Verdict.HEAL:
            self._record_healing(family)
        if verdict is Verdict.RECOVER:
            self._announce(refresh_token_recovered, family)

    def _issue(self, family: TokenFamily) -> TokenPair:
        _renew_auth_hash(family.session, self.using)
        self._announce(session_refreshed, family)
        return issue_pair(family, secret=self.claims.secret, now=family.now, request=self.request)

    def _access_for_sibling(self, verdict: Verdict, family: TokenFamily) -> TokenPair:
        """An access token for the generation that this client holds; nothing is written."""
        token = issue_access(
            family, generation=self.claims.generation, now=family.now, request=self.request
        )
        holds_newest = verdict is Verdict.UNCHANGED
        return TokenPair(
            access=token.token,
            access_expires_at=token.expires_at,
            refresh=self.claims.token if holds_newest else None,
            refresh_expires_at=self.claims.expires_at if holds_newest else None,
            session=family.session,
            family=family,
        )

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


def _state_of(family: TokenFamily) -> FamilyState:
    session, user = family.session, family.session.user
    return FamilyState(
        generation=family.generation,
        redeemable_generation=family.redeemable_generation,
        rotated_at=family.rotated_at,
        delivered_at=family.delivered_at,
        idle_expires_at=family.idle_expires_at,
        expires_at=session.expires_at,
        ended=session.revoked_at is not None or family.closed_at is not None,
        account_changed=not may_sign_in(user) or not is_current(user, session.auth_hash),
    )


def _rules_for(family: TokenFamily) -> Rules:
    settings, session = get_settings(), family.session
    limit = get_policy().max_refreshes(session.user, session=session)
    return Rules(
        overlap=settings.ROTATION_OVERLAP,
        lost_response_recovery=settings.LOST_RESPONSE_RECOVERY,
        max_refreshes=limit,
        # The limit is the session's; only where there is one is it worth another query.
        refreshes_elsewhere=0 if limit is None else family.refreshes_elsewhere(),
    )


def _compare_and_swap(family: TokenFamily, found: int, using: str) -> None:
    """Write the new generation, unless another request has done so since the SELECT."""
    unchanged = TokenFamily.objects.using(using).usable().filter(pk=family.pk, generation=found)
    changed = unchanged.update(
        generation=family.generation,
        redeemable_generation=family.redeemable_generation,
        rotated_at=family.rotated_at,
        delivered_at=None,
        idle_expires_at=family.idle_expires_at,
        last_ip_address=family.last_ip_address,
        last_user_agent=family.last_user_agent,
        authenticated_at=family.authenticated_at,
    )
    if not changed:
        raise LostRaceError


def _renew_auth_hash(session: DeviceSession, using: str) -> None:
    """Once per session after SECRET_KEY was rotated, before the fallback goes away."""
    current = auth_digest(session.user)
    if session.auth_hash != current:
        sessions = DeviceSession.objects.using(using).filter(pk=session.pk)
        sessions.filter(auth_hash=session.auth_hash).update(auth_hash=current)
