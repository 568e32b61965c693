"""Requests of a user over HTTP, each with a check of the resulting state."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.test import override_settings

from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import TokenPair, refresh_session
from tests.api.client import Client
from tests.domain.client_actions import call, family_of, session_of
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.factors import CODE, add_second_factor
from tests.hashers import newer_hashers

FALSE_REPORTS = ("reuse_detected", "limit_reached")


def rotated_pair(pair: TokenPair) -> TokenPair:
    """Refresh and return the tokens; the rotation lies before the overlap."""
    assert pair.refresh is not None
    pair = refresh_session(pair.refresh)
    end_overlap(pair)
    return pair


def end_overlap(pair: TokenPair) -> None:
    TokenFamily.objects.filter(pk=pair.family.pk).update(rotated_at=None)


@dataclass(kw_only=True)
class Actor:
    """A user with two devices; the first has refreshed without using the new tokens."""

    user: Any = field(default_factory=UserFactory)
    api: Client = field(default_factory=Client)

    def __post_init__(self):
        self.pair = rotated_pair(make_pair(self.user, methods=("pwd",)))
        self.other = make_pair(self.user)

    @property
    def live(self) -> set[Any]:
        live = DeviceSession.objects.active().for_user(self.user)
        return set(live.values_list("pk", flat=True))

    @property
    def false_reports(self) -> QuerySet[SessionEvent]:
        return SessionEvent.objects.filter(session__user=self.user, kind__in=FALSE_REPORTS)

    def login(self):
        name = self.user.get_username()
        return self.api.post("login/", {"username": name, "password": PASSWORD})

    def login_with_new_hasher(self):
        """Log in while the password is stored with a newer hash."""
        with newer_hashers():
            return self.login()

    def login_with_second_factor(self):
        """Return the answer of the second step, or of the first if it failed."""
        add_second_factor(self.user)
        with override_settings(REFRESH_SESSIONS={"SECOND_FACTORS": ("tests.factors.Code",)}):
            first = self.login()
            if first.status_code == 503:
                return first
            proof = {"ticket": first.json()["ticket"], "code": CODE}
            return self.api.post("login/verify/", proof)

    def reauthenticate(self):
        body = {"password": PASSWORD}
        return self.api.post("reauthenticate/", body, access=self.pair.access)

    def introspect(self):
        """Introspect the access token as another service."""
        clients = {"billing": hashlib.sha256(b"secret").hexdigest()}
        headers = {"authorization": f"Basic {base64.b64encode(b'billing:secret').decode()}"}
        with override_settings(REFRESH_SESSIONS={"INTROSPECTION_CLIENTS": clients}):
            return self.api.post("introspect/", {"token": self.pair.access}, headers=headers)

    def refresh(self):
        return self.api.post("refresh/", {"refresh": self.pair.refresh})

    def logout(self):
        return self.api.post("logout/", {"refresh": self.pair.refresh})

    def revoke(self):
        return self.api.delete(f"sessions/{self.other.session.pk}/", access=self.pair.access)

    def revoke_others(self):
        return self.api.post("sessions/revoke-others/", access=self.pair.access)

    def open_family(self):
        body = {"refresh": self.pair.refresh}
        return self.api.post("sessions/branch/", body, access=self.pair.access)

    def list_sessions(self):
        return self.api.get("sessions/", access=self.pair.access)

    def call_view(self):
        """Call a view of the project."""
        headers = {"authorization": f"Bearer {self.pair.access}"}
        return self.api.raw.get("/who-am-i/", headers=headers)


def check_unchanged(actor: Actor, answer: Any) -> None:
    """Both devices are unchanged."""
    assert call(actor.pair) == "ok"
    assert call(actor.other) == "ok"
    assert_usable(actor, actor.pair.refresh)


def check_logged_in(actor: Actor, answer: Any) -> None:
    before = {actor.pair.session.pk, actor.other.session.pk}
    assert before <= actor.live
    if answer.status_code == 200:
        assert actor.live - before == {DeviceSession.objects.latest("created_at").pk}
        assert actor.login().status_code == 200


def check_logged_in_with_new_hasher(actor: Actor, answer: Any) -> None:
    with newer_hashers():
        check_logged_in(actor, answer)
    assert {call(actor.pair), call(actor.other)} == {"ok"}


def check_refreshed(actor: Actor, answer: Any) -> None:
    """The tokens in the answer remain usable."""
    body = answer.json()
    if answer.status_code == 200:
        assert {call(actor.pair), call(actor.other)} == {"ok"}
        assert call_code(body["access"]) == "ok"
    end_overlap(actor.pair)
    assert_usable(actor, body.get("refresh", actor.pair.refresh))


def assert_usable(actor: Actor, token: str) -> None:
    """Refresh and call while the database works."""
    families = TokenFamily.objects.filter(session=actor.pair.session.pk)
    opened = families.exclude(pk=actor.pair.family.pk).count()
    body = actor.api.post("refresh/", {"refresh": token}).json()
    assert body["refresh"] not in {token, actor.pair.refresh}
    assert call_code(body["access"]) == "ok"
    assert session_of(actor.pair).revoked_at is None
    assert family_of(actor.pair).closed_at is None
    assert families.count() == 1 + opened


def call_code(access: str) -> str:
    @dataclass
    class Tokens:
        access: str

    return call(Tokens(access))


def check_logged_out(actor: Actor, answer: Any) -> None:
    if answer.status_code == 503:
        assert actor.logout().status_code == 204
    assert actor.live == {actor.other.session.pk}
    assert call(actor.pair) == "session_revoked"
    assert kinds_of(actor.pair) == ["signed_in", "signed_out"]


def check_other_revoked(actor: Actor, answer: Any) -> None:
    if answer.status_code == 503:
        assert actor.revoke().status_code in {204, 404}
    assert actor.live == {actor.pair.session.pk}
    assert kinds_of(actor.other) == ["signed_in", "revoked"]


def check_others_revoked(actor: Actor, answer: Any) -> None:
    if answer.status_code == 503:
        assert actor.revoke_others().status_code == 200
    assert actor.live == {actor.pair.session.pk}
    assert kinds_of(actor.other) == ["signed_in", "revoked"]


def check_family_opened(actor: Actor, answer: Any) -> None:
    token = actor.pair.refresh
    if answer.status_code == 201:
        assert actor.pair.session.families.count() == 2
        token = answer.json()["current"]["refresh"]
    # Without an answer the rotation may have happened; the retry recovers it.
    end_overlap(actor.pair)
    assert call(actor.pair) == "ok"
    assert call(actor.other) == "ok"
    assert_usable(actor, token)


def kinds_of(pair: TokenPair) -> list[str]:
    events = SessionEvent.objects.filter(session=pair.session.pk).order_by("pk")
    return list(events.values_list("kind", flat=True))


@dataclass(frozen=True, kw_only=True)
class Scenario:
    do: Callable[[Actor], Any]
    status: int
    check: Callable[[Actor, Any], None]

    def __call__(self, actor: Actor) -> Any:
        """Send the request; accept only success or 503 as the answer."""
        answer = self.do(actor)
        assert answer.status_code in {self.status, 503}, answer.content
        if answer.status_code == 503:
            assert int(answer["Retry-After"]) > 0
            assert answer.json()["code"] == "database_busy"
        return answer

    def verify(self, actor: Actor, answer: Any) -> None:
        """Check the state of the sessions, and that no reuse was reported."""
        self.check(actor, answer)
        assert not actor.false_reports.exists()


SCENARIOS = {
    "login": Scenario(do=Actor.login, status=200, check=check_logged_in),
    "login with new hasher": Scenario(
        do=Actor.login_with_new_hasher, status=200, check=check_logged_in_with_new_hasher
    ),
    "login with second factor": Scenario(
        do=Actor.login_with_second_factor, status=200, check=check_logged_in
    ),
    "re-authenticate": Scenario(do=Actor.reauthenticate, status=200, check=check_refreshed),
    "introspect": Scenario(do=Actor.introspect, status=200, check=check_unchanged),
    "refresh": Scenario(do=Actor.refresh, status=200, check=check_refreshed),
    "logout": Scenario(do=Actor.logout, status=204, check=check_logged_out),
    "revoke": Scenario(do=Actor.revoke, status=204, check=check_other_revoked),
    "revoke others": Scenario(do=Actor.revoke_others, status=200, check=check_others_revoked),
    "open family": Scenario(do=Actor.open_family, status=201, check=check_family_opened),
    "list sessions": Scenario(do=Actor.list_sessions, status=200, check=check_unchanged),
    "call view": Scenario(do=Actor.call_view, status=200, check=check_unchanged),
}
