"""What people do with their sessions, over HTTP, and what must hold however it went."""

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
from tests.domain.stories import call, family_of, session_of
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.factors import CODE, add_second_factor
from tests.hashers import newer_hashers

ACCUSATIONS = ("reuse_detected", "limit_reached")


def rotated_pair(pair: TokenPair) -> TokenPair:
    """The next tokens, of a rotation that lies longer back than any overlap."""
    assert pair.refresh is not None
    pair = refresh_session(pair.refresh)
    let_overlap_pass(pair)
    return pair


def let_overlap_pass(pair: TokenPair) -> None:
    TokenFamily.objects.filter(pk=pair.family.pk).update(rotated_at=None)


@dataclass(kw_only=True)
class Actor:
    """Somebody with two devices; the first has refreshed, and not used its new tokens yet."""

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
    def accusations(self) -> QuerySet[SessionEvent]:
        return SessionEvent.objects.filter(session__user=self.user, kind__in=ACCUSATIONS)

    def login(self):
        name = self.user.get_username()
        return self.api.post("login/", {"username": name, "password": PASSWORD})

    def login_after_an_upgrade(self):
        """The password is stored with a newer hash on the way."""
        with newer_hashers():
            return self.login()

    def login_by_two_steps(self):
        """Both of them, or the first that could not be made."""
        add_second_factor(self.user)
        with override_settings(REFRESH_SESSIONS={"SECOND_FACTORS": ("tests.factors.Code",)}):
            first = self.login()
            if first.status_code == 503:
                return first
            proof = {"ticket": first.json()["ticket"], "code": CODE}
            return self.api.post("login/verify/", proof)

    def prove(self):
        body = {"password": PASSWORD}
        return self.api.post("reauthenticate/", body, access=self.pair.access)

    def introspect(self):
        """As a service does."""
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

    def look(self):
        return self.api.get("sessions/", access=self.pair.access)

    def use(self):
        """Call a view of the project."""
        headers = {"authorization": f"Bearer {self.pair.access}"}
        return self.api.raw.get("/who-am-i/", headers=headers)


def nothing_is_lost(person: Actor, answer: Any) -> None:
    """Both devices are as they were."""
    assert call(person.pair) == "ok"
    assert call(person.other) == "ok"
    assert_can_go_on(person, person.pair.refresh)


def one_more_device(person: Actor, answer: Any) -> None:
    before = {person.pair.session.pk, person.other.session.pk}
    assert before <= person.live
    if answer.status_code == 200:
        assert person.live - before == {DeviceSession.objects.latest("created_at").pk}
        assert person.login().status_code == 200


def one_more_device_after_an_upgrade(person: Actor, answer: Any) -> None:
    with newer_hashers():
        one_more_device(person, answer)
    assert {call(person.pair), call(person.other)} == {"ok"}


def one_lineage(person: Actor, answer: Any) -> None:
    """Whatever the client stores after this answer is good for going on."""
    body = answer.json()
    if answer.status_code == 200:
        assert {call(person.pair), call(person.other)} == {"ok"}
        assert use_of(body["access"]) == "ok"
    let_overlap_pass(person.pair)
    assert_can_go_on(person, body.get("refresh", person.pair.refresh))


def assert_can_go_on(person: Actor, token: str) -> None:
    """A refresh and a call, once the database works again."""
    families = TokenFamily.objects.filter(session=person.pair.session.pk)
    branches = families.exclude(pk=person.pair.family.pk).count()
    body = person.api.post("refresh/", {"refresh": token}).json()
    assert body["refresh"] not in {token, person.pair.refresh}
    assert use_of(body["access"]) == "ok"
    assert session_of(person.pair).revoked_at is None
    assert family_of(person.pair).closed_at is None
    assert families.count() == 1 + branches


def use_of(access: str) -> str:
    @dataclass
    class Held:
        access: str

    return call(Held(access))


def signed_out(person: Actor, answer: Any) -> None:
    if answer.status_code == 503:
        assert person.logout().status_code == 204
    assert person.live == {person.other.session.pk}
    assert call(person.pair) == "session_revoked"
    assert kinds_of(person.pair) == ["signed_in", "signed_out"]


def other_ended(person: Actor, answer: Any) -> None:
    if answer.status_code == 503:
        assert person.revoke().status_code in {204, 404}
    assert person.live == {person.pair.session.pk}
    assert kinds_of(person.other) == ["signed_in", "revoked"]


def others_ended(person: Actor, answer: Any) -> None:
    if answer.status_code == 503:
        assert person.revoke_others().status_code == 200
    assert person.live == {person.pair.session.pk}
    assert kinds_of(person.other) == ["signed_in", "revoked"]


def one_more_family(person: Actor, answer: Any) -> None:
    token = person.pair.refresh
    if answer.status_code == 201:
        assert person.pair.session.families.count() == 2
        token = answer.json()["current"]["refresh"]
    # Without an answer nobody knows whether it was rotated: then the retry recovers.
    let_overlap_pass(person.pair)
    assert call(person.pair) == "ok"
    assert call(person.other) == "ok"
    assert_can_go_on(person, token)


def kinds_of(pair: TokenPair) -> list[str]:
    events = SessionEvent.objects.filter(session=pair.session.pk).order_by("pk")
    return list(events.values_list("kind", flat=True))


@dataclass(frozen=True, kw_only=True)
class Scenario:
    do: Callable[[Actor], Any]
    status: int
    check: Callable[[Actor, Any], None]

    def __call__(self, person: Actor) -> Any:
        """Do it, and take only success or "come again" for an answer."""
        answer = self.do(person)
        assert answer.status_code in {self.status, 503}, answer.content
        if answer.status_code == 503:
            assert int(answer["Retry-After"]) > 0
            assert answer.json()["code"] == "database_busy"
        return answer

    def verify(self, person: Actor, answer: Any) -> None:
        """See that nobody was harmed."""
        self.check(person, answer)
        assert not person.accusations.exists()


SCENARIOS = {
    "login": Scenario(do=Actor.login, status=200, check=one_more_device),
    "login after an upgrade": Scenario(
        do=Actor.login_after_an_upgrade, status=200, check=one_more_device_after_an_upgrade
    ),
    "login by two steps": Scenario(do=Actor.login_by_two_steps, status=200, check=one_more_device),
    "prove": Scenario(do=Actor.prove, status=200, check=one_lineage),
    "introspect": Scenario(do=Actor.introspect, status=200, check=nothing_is_lost),
    "refresh": Scenario(do=Actor.refresh, status=200, check=one_lineage),
    "logout": Scenario(do=Actor.logout, status=204, check=signed_out),
    "revoke": Scenario(do=Actor.revoke, status=204, check=other_ended),
    "revoke others": Scenario(do=Actor.revoke_others, status=200, check=others_ended),
    "open family": Scenario(do=Actor.open_family, status=201, check=one_more_family),
    "look": Scenario(do=Actor.look, status=200, check=nothing_is_lost),
    "use": Scenario(do=Actor.use, status=200, check=nothing_is_lost),
}
