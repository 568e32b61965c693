"""One session in the package and in the reference, compared after every step."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.test import RequestFactory

from refresh_sessions.exceptions import RefreshSessionsError
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import (
    TokenPair,
    authenticated_at_for_token,
    check_access_token,
    log_out,
    open_family,
    read_grant,
    reauthenticate_session,
    refresh_session,
    revoke_session,
)
from refresh_sessions.sessions.queries import get_family_state, read_family
from refresh_sessions.tokens import access_tokens, refresh_tokens
from tests.clock import Clock
from tests.factories import claims_of, make_pair
from tests.model.reference import Reauthentication, Rule
from tests.model.timed_reference import Client, Expected, Limits, TimedFamily, Token

_Result = TypeVar("_Result")

OWNER = Client(companion=True, elsewhere=False)


@dataclass(frozen=True)
class HeldToken:
    """A token with the session to which it belongs."""

    comparison: Comparison
    encoded: str = field(repr=False)
    token: Token


@dataclass(frozen=True)
class StoredTokens:
    """The tokens in a client's storage after a response."""

    refresh: HeldToken
    access: HeldToken


@dataclass(frozen=True)
class Snapshot:
    """The columns of a family at an earlier time."""

    COLUMNS: ClassVar = (
        *("generation", "redeemable_generation", "rotated_at", "delivered_at"),
        *("idle_expires_at", "authenticated_at", "authentication_methods"),
        *("companion_generation", "sibling_answered_at", "tolerated_generation"),
        *("recoveries_by_others", "opened_family", "last_ip_address", "last_user_agent"),
    )

    comparison: Comparison
    row: dict[str, Any]
    reference: TimedFamily


class Comparison:
    """A session of the package and its reference."""

    def __init__(self, clock: Clock, rule: Rule, limits: Limits) -> None:
        self.clock = clock
        self.companion: str | None = None
        pair = make_pair(methods=_methods(0), request=self._request(OWNER))
        self.companion = pair.companion
        self.user_id, self.session_id = pair.session.user_id, pair.session.pk
        self.family_id = pair.family.pk
        self.reference = TimedFamily.starting(rule, limits, clock.now)
        assert pair.refresh is not None
        self.first = StoredTokens(
            self._refresh_token(pair.refresh), self._access_token(pair.access)
        )
        self.child = ""
        self.highest = 1
        self.revoked_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether only a new login can continue."""
        return bool(self.reference.ended) or self.clock.now >= self.reference.idle_expires_at

    def refresh(self, held: HeldToken, client: Client = OWNER) -> StoredTokens | None:
        """Exchange a refresh token; both must answer alike."""
        expected = self.reference.refresh(held.token, client, self.clock.now)
        code, pair = attempt(lambda: refresh_session(held.encoded, request=self._request(client)))
        assert code == expected.code, (code, expected.code)
        if pair is None:
            return None
        received, access_token = self._received(pair, expected)
        return StoredTokens(received or held, access_token)

    def step_up(self, stored: StoredTokens, client: Client = OWNER) -> StoredTokens | None:
        """Re-authenticate with an access token; both must answer alike."""
        expected = self.reference.step_up(stored.access.token, client, self.clock.now)
        methods = _methods(self.reference.reauthentications)

        def ask() -> TokenPair:
            grant = check_access_token(stored.access.encoded)
            return reauthenticate_session(grant, methods=methods, request=self._request(client))

        code, pair = attempt(ask)
        assert code == expected.code, (code, expected.code)
        if pair is None:
            return None
        received, access_token = self._received(pair, expected)
        return StoredTokens(received or stored.refresh, access_token)

    def open_family(self, stored: StoredTokens, client: Client = OWNER) -> StoredTokens | None:
        """Open a family; its first token is kept for ``use_child``."""
        access_token, token, now = stored.access.token, stored.refresh.token, self.clock.now
        expected = self.reference.open_family(access_token, token, client, now)
        code, families = attempt(
            lambda: open_family(
                check_access_token(stored.access.encoded),
                stored.refresh.encoded,
                request=self._request(client),
            )
        )
        assert code == expected.code, (code, expected.code)
        if families is None:
            return None
        assert families.opened.refresh is not None
        self.child = families.opened.refresh
        received, access_token_held = self._received(families.current, expected)
        assert received is not None
        return StoredTokens(received, access_token_held)

    def use_child(self) -> None:
        """Refresh once with the first token of the family that was opened last."""
        if self.reference.child is None:
            return
        expected = self.reference.use_child(self.clock.now)
        code, _ = attempt(lambda: refresh_session(self.child))
        assert code == expected, (code, expected)

    def log_out(self, held: HeldToken, client: Client) -> None:
        """Log out with a refresh token; both must answer alike."""
        expected = self.reference.log_out(held.token, client, self.clock.now)
        claims = refresh_tokens.verify(held.encoded)
        assert log_out(claims, request=self._request(client)) is expected

    def call(self, held: HeldToken) -> None:
        """Use an access token; both must answer alike."""
        expected = self.reference.call(held.token, self.clock.now)
        code, grant = attempt(lambda: check_access_token(held.encoded))
        assert code == expected.code, (code, expected.code)
        if grant is not None:
            counts = authenticated_at_for_token(read_grant(grant), grant.claims) is not None
            assert counts == self.reference.is_reauthenticated_by(held.token)

    def revoke(self, how: str) -> None:
        """Revoke the session directly, or change its account."""
        if how == "admin":
            ended = revoke_session(DeviceSession.objects.get(pk=self.session_id), reason=how)
            assert ended is (not self.reference.ended)
        else:
            user = get_user_model().objects.get(pk=self.user_id)
            if how == "user_inactive":
                user.is_active = False
            elif user.is_active:
                user.set_password(f"another {self.clock.now}")
            user.save()
        # Saving the user revokes the live sessions; for others the next request does.
        over = self.clock.now >= min(self.reference.expires_at, self.reference.idle_expires_at)
        if how == "admin" or not over:
            self.reference.revoke(how)
        elif self.reference.account_changed != "user_inactive":
            self.reference.account_changed = how

    def take_snapshot(self) -> Snapshot:
        """Return the family's columns and the reference."""
        rows = TokenFamily.objects.filter(pk=self.family_id)
        return Snapshot(self, rows.values(*Snapshot.COLUMNS).get(), copy.copy(self.reference))

    def roll_back(self, snapshot: Snapshot) -> None:
        """Undo all writes to the family since the snapshot."""
        TokenFamily.objects.filter(pk=self.family_id).update(**snapshot.row)
        self.reference.lose_writes(snapshot.reference)
        self.highest = snapshot.reference.family.newest

    def check(self) -> None:
        """Compare the rows with the reference."""
        stored = TokenFamily.objects.get(pk=self.family_id)
        family = read_family(claims_of(stored), using="default")
        reference = self.reference
        assert (family.generation, family.redeemable_generation) == reference.family[:2]
        delivered = get_family_state(family).delivered_at is not None
        # Without a redeemable token, delivery is irrelevant.
        assert reference.family.redeemable is None or delivered == reference.family.delivered
        assert (family.sibling_answered_at is not None) == reference.family.sibling_answered
        assert (family.companion_generation is not None) == reference.family.companion_known
        assert (
            family.companion_generation == family.generation
        ) == reference.family.companion_shown
        assert family.rotated_at == reference.rotated_at
        assert family.idle_expires_at == reference.idle_expires_at
        assert family.idle_expires_at <= family.session.expires_at == reference.expires_at
        assert family.session.revoked_reason == reference.ended
        assert (family.session.revoked_at is not None) == bool(reference.ended)
        assert (family.session.reuse_detected_at is not None) == reference.family.reuse_detected
        assert _identity(family) is reference.identity
        assert self.highest <= family.generation
        self.highest = family.generation
        assert self.revoked_at in {None, family.session.revoked_at}
        self.revoked_at = family.session.revoked_at
        events = list(family.session.events.order_by("pk").values_list("kind", flat=True))
        assert events == ["signed_in", *reference.events]

    def _request(self, client: Client) -> HttpRequest:
        address, agent = ("198.51.100.7", "curl/8") if client.elsewhere else ("192.0.2.1", "App/1")
        request = RequestFactory().post("/", REMOTE_ADDR=address, HTTP_USER_AGENT=agent)
        if client.companion and self.companion:
            request.COOKIES["refresh_companion"] = self.companion
        return request

    def _received(self, pair: TokenPair, expected: Expected) -> tuple[HeldToken | None, HeldToken]:
        """Compare the tokens of a response; return them."""
        received = self._refresh_token(pair.refresh) if pair.refresh else None
        access_token = self._access_token(pair.access)
        assert (received and received.token.generation) == expected.refresh
        assert access_token.token.generation == expected.access
        assert access_token.token.reauthentication == expected.reauthentication
        end = min(self.clock.now + self.reference.limits.access, self.reference.expires_at)
        assert access_token.token.expires_at == end.replace(microsecond=0)
        return received, access_token

    def _refresh_token(self, encoded: str) -> HeldToken:
        claims = refresh_tokens.verify(encoded)
        token = Token(generation=claims.generation, expires_at=claims.expires_at)
        return HeldToken(self, encoded, token)

    def _access_token(self, encoded: str) -> HeldToken:
        claims = access_tokens.verify(encoded, allow_expired=True)
        reauthentication = None
        if claims.authenticated_at is not None:
            (method,) = claims.authentication_methods
            reauthentication = int(method)
        token = Token(
            generation=claims.generation,
            expires_at=claims.expires_at,
            reauthentication=reauthentication,
        )
        return HeldToken(self, encoded, token)


def _methods(reauthentication: int) -> list[str]:
    """Each re-authentication has its own method, so that tokens identify it."""
    return [str(reauthentication)]


def _identity(family: TokenFamily) -> Reauthentication:
    authenticated, rotated = family.authenticated_at, family.rotated_at
    if authenticated is None:
        return Reauthentication.NONE
    if rotated is None or authenticated < rotated:
        return Reauthentication.CARRIED
    return Reauthentication.NEWEST if authenticated == rotated else Reauthentication.BESIDE


def attempt(request: Callable[[], _Result]) -> tuple[str, _Result | None]:
    """Send a request; return the outcome in the format of ``Expected``."""
    try:
        return "ok", request()
    except RefreshSessionsError as error:
        reason = getattr(error, "reason", None)
        return f"{error.code}/{reason}" if reason else error.code, None
