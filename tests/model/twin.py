"""One session twice: in the package, and in the reference. They have to agree at every step."""

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
from tests.factories import make_pair
from tests.model.reference import Reauthentication, Rule
from tests.model.timed import Client, Expected, Limits, TimedFamily, Token

_Result = TypeVar("_Result")

OWNER = Client(companion=True, elsewhere=False)


@dataclass(frozen=True)
class Held:
    """A token that somebody has, and the session that it belongs to."""

    twin: Twin
    encoded: str = field(repr=False)
    token: Token


@dataclass(frozen=True)
class Holding:
    """What a client has in its storage after an answer."""

    refresh: Held
    access: Held


@dataclass(frozen=True)
class Photograph:
    """A family at an earlier time, to go back to."""

    COLUMNS: ClassVar = (
        *("generation", "redeemable_generation", "rotated_at", "delivered_at"),
        *("idle_expires_at", "authenticated_at", "authentication_methods"),
        *("companion_generation", "sibling_answered_at", "tolerated_generation"),
        *("recoveries_by_others", "opened_family", "last_ip_address", "last_user_agent"),
    )

    twin: Twin
    row: dict[str, Any]
    image: TimedFamily


class Twin:
    """A session and its image."""

    def __init__(self, clock: Clock, rule: Rule, limits: Limits) -> None:
        self.clock = clock
        self.companion: str | None = None
        pair = make_pair(methods=_methods(0), request=self._request(OWNER))
        self.companion = pair.companion
        self.user_id, self.session_id = pair.session.user_id, pair.session.pk
        self.family_id = pair.family.pk
        self.image = TimedFamily.starting(rule, limits, clock.now)
        assert pair.refresh is not None
        self.first = Holding(self._refresh_token(pair.refresh), self._access_token(pair.access))
        self.child = ""
        self.highest = 1
        self.revoked_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Nothing but logging in again helps."""
        return bool(self.image.ended) or self.clock.now >= self.image.idle_expires_at

    def refresh(self, held: Held, client: Client = OWNER) -> Holding | None:
        """Present a refresh token to both; what comes is to be the same."""
        expected = self.image.refresh(held.token, client, self.clock.now)
        code, pair = attempt(lambda: refresh_session(held.encoded, request=self._request(client)))
        assert code == expected.code, (code, expected.code)
        if pair is None:
            return None
        brought, access_token = self._brought(pair, expected)
        return Holding(brought or held, access_token)

    def step_up(self, holding: Holding, client: Client = OWNER) -> Holding | None:
        """Re-authenticate at both, having an access token."""
        expected = self.image.step_up(holding.access.token, client, self.clock.now)
        methods = _methods(self.image.proofs)

        def ask() -> TokenPair:
            grant = check_access_token(holding.access.encoded)
            return reauthenticate_session(grant, methods=methods, request=self._request(client))

        code, pair = attempt(ask)
        assert code == expected.code, (code, expected.code)
        if pair is None:
            return None
        brought, access_token = self._brought(pair, expected)
        return Holding(brought or holding.refresh, access_token)

    def open_family(self, holding: Holding, client: Client = OWNER) -> Holding | None:
        """Open another family at both; its first token is kept for ``use_child``."""
        access_token, token, now = holding.access.token, holding.refresh.token, self.clock.now
        expected = self.image.open_family(access_token, token, client, now)
        code, families = attempt(
            lambda: open_family(
                check_access_token(holding.access.encoded),
                holding.refresh.encoded,
                request=self._request(client),
            )
        )
        assert code == expected.code, (code, expected.code)
        if families is None:
            return None
        assert families.opened.refresh is not None
        self.child = families.opened.refresh
        brought, access_token_held = self._brought(families.current, expected)
        assert brought is not None
        return Holding(brought, access_token_held)

    def use_child(self) -> None:
        """Refresh with the first token of the family that was opened last, once."""
        if self.image.child is None:
            return
        expected = self.image.use_child(self.clock.now)
        code, _ = attempt(lambda: refresh_session(self.child))
        assert code == expected, (code, expected)

    def log_out(self, held: Held, client: Client) -> None:
        """Sign out at both with a refresh token."""
        expected = self.image.log_out(held.token, client, self.clock.now)
        claims = refresh_tokens.verify(held.encoded)
        assert log_out(claims, request=self._request(client)) is expected

    def call(self, held: Held) -> None:
        """Use an access token with both."""
        expected = self.image.call(held.token, self.clock.now)
        code, grant = attempt(lambda: check_access_token(held.encoded))
        assert code == expected.code, (code, expected.code)
        if grant is not None:
            counts = authenticated_at_for_token(read_grant(grant), grant.claims) is not None
            assert counts == self.image.is_proven_by(held.token)

    def end(self, how: str) -> None:
        """Revoke the session, or change its account, which revokes it."""
        if how == "admin":
            ended = revoke_session(DeviceSession.objects.get(pk=self.session_id), reason=how)
            assert ended is (not self.image.ended)
        else:
            user = get_user_model().objects.get(pk=self.user_id)
            if how == "user_inactive":
                user.is_active = False
            elif user.is_active:
                user.set_password(f"another {self.clock.now}")
            user.save()
        # The save of the user revokes the live sessions; others wait for the next request.
        over = self.clock.now >= min(self.image.expires_at, self.image.idle_expires_at)
        if how == "admin" or not over:
            self.image.end(how)
        elif self.image.account_changed != "user_inactive":
            self.image.account_changed = how

    def photograph(self) -> Photograph:
        """The family as it is now."""
        rows = TokenFamily.objects.filter(pk=self.family_id)
        return Photograph(self, rows.values(*Photograph.COLUMNS).get(), copy.copy(self.image))

    def roll_back(self, photograph: Photograph) -> None:
        """Have the database lose what it has written to the family since."""
        TokenFamily.objects.filter(pk=self.family_id).update(**photograph.row)
        self.image.forget(photograph.image)
        self.highest = photograph.image.family.newest

    def check(self) -> None:
        """Compare the rows with the image."""
        family = read_family(self.family_id, using="default")
        image = self.image
        assert (family.generation, family.redeemable_generation) == image.family[:2]
        delivered = get_family_state(family).delivered_at is not None
        # Where nothing is redeemable, nobody asks.
        assert image.family.redeemable is None or delivered == image.family.delivered
        assert (family.sibling_answered_at is not None) == image.family.forgiven
        assert (family.companion_generation is not None) == image.family.known
        assert (family.companion_generation == family.generation) == image.family.shown
        assert family.rotated_at == image.rotated_at
        assert family.idle_expires_at == image.idle_expires_at
        assert family.idle_expires_at <= family.session.expires_at == image.expires_at
        assert family.session.revoked_reason == image.ended
        assert (family.session.revoked_at is not None) == bool(image.ended)
        assert (family.session.reuse_detected_at is not None) == image.family.alarm
        assert _identity(family) is image.identity
        assert self.highest <= family.generation
        self.highest = family.generation
        assert self.revoked_at in {None, family.session.revoked_at}
        self.revoked_at = family.session.revoked_at
        events = list(family.session.events.order_by("pk").values_list("kind", flat=True))
        assert events == ["signed_in", *image.events]

    def _request(self, client: Client) -> HttpRequest:
        address, agent = ("198.51.100.7", "curl/8") if client.elsewhere else ("192.0.2.1", "App/1")
        request = RequestFactory().post("/", REMOTE_ADDR=address, HTTP_USER_AGENT=agent)
        if client.companion and self.companion:
            request.COOKIES["refresh_companion"] = self.companion
        return request

    def _brought(self, pair: TokenPair, expected: Expected) -> tuple[Held | None, Held]:
        """The tokens of an answer; the access token lasts no longer than it may."""
        brought = self._refresh_token(pair.refresh) if pair.refresh else None
        access_token = self._access_token(pair.access)
        assert (brought and brought.token.generation) == expected.refresh
        assert access_token.token.generation == expected.access
        assert access_token.token.proof == expected.proof
        end = min(self.clock.now + self.image.limits.access, self.image.expires_at)
        assert access_token.token.expires_at == end.replace(microsecond=0)
        return brought, access_token

    def _refresh_token(self, encoded: str) -> Held:
        claims = refresh_tokens.verify(encoded)
        token = Token(generation=claims.generation, expires_at=claims.expires_at)
        return Held(self, encoded, token)

    def _access_token(self, encoded: str) -> Held:
        claims = access_tokens.verify(encoded, allow_expired=True)
        proof = None
        if claims.authenticated_at is not None:
            (method,) = claims.authentication_methods
            proof = int(method)
        token = Token(generation=claims.generation, expires_at=claims.expires_at, proof=proof)
        return Held(self, encoded, token)


def _methods(proof: int) -> list[str]:
    """Each re-authentication by another method, so that a token says which one it tells of."""
    return [str(proof)]


def _identity(family: TokenFamily) -> Reauthentication:
    proven, rotated = family.authenticated_at, family.rotated_at
    if proven is None:
        return Reauthentication.NONE
    if rotated is None or proven < rotated:
        return Reauthentication.CARRIED
    return Reauthentication.NEWEST if proven == rotated else Reauthentication.BESIDE


def attempt(request: Callable[[], _Result]) -> tuple[str, _Result | None]:
    """How a request was answered, in the words of ``Expected``."""
    try:
        return "ok", request()
    except RefreshSessionsError as error:
        reason = getattr(error, "reason", None)
        return f"{error.code}/{reason}" if reason else error.code, None
