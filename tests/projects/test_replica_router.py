"""A router with a replica, without ``allow_relation``.

Django then refuses relations between objects read from the replica and those of the primary.
The replica here is the primary under another alias, so it is always up to date.
"""

from io import StringIO

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command
from django.db import connections
from django.test import Client as Browser
from django.urls import reverse

from refresh_sessions import sessions
from refresh_sessions.models import DeviceSession, RevokedReason, SessionEvent
from refresh_sessions.signals import session_revoked
from tests.admin.pages import SessionPages, messages_of
from tests.domain.client_actions import call
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.faults.scenarios import SCENARIOS, Actor
from tests.listeners import heard

pytestmark = pytest.mark.django_db

REPLICA = "replica"


class Router:
    """The router of Django's documentation, without ``allow_relation``."""

    def db_for_read(self, model, **hints):
        return REPLICA

    def db_for_write(self, model, **hints):
        return "default"


@pytest.fixture(autouse=True)
def _replica(settings):
    connections.settings[REPLICA] = connections.settings["default"]
    connections[REPLICA] = connections["default"]
    settings.DATABASE_ROUTERS = [f"{__name__}.Router"]
    yield
    del connections[REPLICA]
    del connections.settings[REPLICA]


@pytest.fixture
def user():
    """A user read from the replica, as in a view."""
    user = get_user_model().objects.get(pk=UserFactory.create().pk)
    assert user._state.db == REPLICA
    return user


@pytest.fixture
def session(user):
    """A session read from the replica, as by a query of the project."""
    session = DeviceSession.objects.get(pk=make_pair(user, methods=("pwd",)).session.pk)
    assert session._state.db == REPLICA
    return session


@pytest.mark.parametrize("name", SCENARIOS)
def test_endpoint_with_replica_router_behaves_as_without(name):
    person = Actor(user=get_user_model().objects.get(pk=UserFactory.create().pk))
    answer = SCENARIOS[name](person)
    assert answer.status_code == SCENARIOS[name].status
    SCENARIOS[name].verify(person, answer)


@pytest.mark.parametrize("limit", ["revoke_oldest", "deny"])
def test_start_session_accepts_user_read_from_replica(user, options, limit):
    options(MAX_SESSIONS_PER_USER=2, ON_SESSION_LIMIT=limit)
    pairs = [sessions.start_session(user) for _ in range(2)]
    assert [call(pair) for pair in pairs] == ["ok", "ok"]
    assert pairs[0].session.user is user
    assert pairs[0].session.user_id == user.pk


def test_login_at_limit_with_user_from_replica_revokes_oldest(user, options):
    options(MAX_SESSIONS_PER_USER=1)
    first, second = sessions.start_session(user), sessions.start_session(user)
    assert (call(first), call(second)) == ("session_revoked", "ok")


def test_login_with_user_authenticated_on_replica_succeeds(user):
    found = authenticate(username=user.get_username(), password=PASSWORD)
    assert call(sessions.log_in(found, methods=("pwd",))) == "ok"


def test_revocation_by_user_from_replica_stores_actor(session):
    staff = get_user_model().objects.get(pk=UserFactory.create().pk)
    assert sessions.revoke_session(session, reason="admin", by=staff) is True
    assert session.revoked_by is staff
    stored = DeviceSession.objects.using("default").get(pk=session.pk)
    assert stored.revoked_by_id == staff.pk
    event = SessionEvent.objects.filter(session=session).latest("pk")
    assert (event.kind, event.actor_id) == ("revoked", staff.pk)


def test_revocation_of_many_by_user_from_replica_stores_actor(user, session):
    assert sessions.revoke_user_sessions(user, reason="admin", by=user) == 1
    assert DeviceSession.objects.get(pk=session.pk).revoked_by == user


def test_revocation_without_actor_stores_none(session):
    assert sessions.revoke_session(session, reason=RevokedReason.LOGOUT) is True
    assert session.revoked_by is None
    assert DeviceSession.objects.get(pk=session.pk).revoked_by_id is None


def test_revocation_signal_has_user_from_replica(session, user):
    with heard(session_revoked) as received:
        sessions.revoke_session(session, reason="admin", by=user)
    (sent,) = received
    assert (sent["session"].revoked_by, sent["by"]) == (user, user)


def test_step_up_with_user_from_replica_records_actor(user):
    grant = sessions.check_access_token(sessions.start_session(user).access)
    sessions.record_failed_reauthentication(grant, methods=("pwd",))
    sessions.reauthenticate_session(grant, methods=("pwd",))
    actors = SessionEvent.objects.exclude(kind="signed_in").values_list("actor", flat=True)
    assert list(actors) == [user.pk, user.pk]


class TestPages:
    def test_pages_with_replica_router_rename_plus_revoke(self, user_client, user, session):
        other = sessions.start_session(user).session
        assert user_client.get("/devices/").status_code == 200
        answer = user_client.post(f"/devices/{session.pk}/rename/", {"name": "Kitchen"})
        assert answer.status_code == 302
        assert user_client.post(f"/devices/{session.pk}/end/").status_code == 302
        assert user_client.post("/devices/end-others/").status_code == 302
        ended = DeviceSession.objects.filter(revoked_by=user)
        assert set(ended.values_list("pk", flat=True)) == {session.pk, other.pk}

    def test_reauthentication_on_page_with_replica_router_is_recorded(
        self, user_client, user, session
    ):
        note = user_client.session
        note["refresh_sessions.device_session"] = str(session.pk)
        del note["refresh_sessions.proof"]
        note.save()
        for password in ("wrong", PASSWORD):
            user_client.post("/devices/end-others/", {"password": password})
        events = SessionEvent.objects.filter(session=session).order_by("pk")
        assert list(events.values_list("kind", "actor"))[1:] == [
            ("reauthentication_failed", user.pk),
            ("reauthenticated", user.pk),
        ]


class TestAdmin:
    @pytest.fixture(autouse=True)
    def _urls(self, settings):
        settings.ROOT_URLCONF = "tests.admin.urls"

    @pytest.fixture
    def staff(self):
        return UserFactory.create(is_staff=True, is_superuser=True)

    @pytest.fixture
    def pages(self, staff):
        browser = Browser()
        browser.force_login(staff)
        return SessionPages(browser)

    @pytest.mark.parametrize("action", ["revoke_selected", "sign_out_everywhere"])
    def test_admin_action_with_replica_router_revokes(self, pages, staff, session, action):
        answer = pages.confirm(pages.act(action, [session]))
        assert messages_of(answer) == ["1 session was revoked."]
        assert DeviceSession.objects.get(pk=session.pk).revoked_by == staff

    def test_admin_session_button_with_replica_router_revokes(self, pages, staff, session):
        answer = pages.client.post(pages.url("revoke", session), {"confirmed": "yes"})
        assert messages_of(answer) == ["1 session was revoked."]
        assert pages.open(session).status_code == 200
        event = SessionEvent.objects.filter(session=session).latest("pk")
        assert event.actor_id == staff.pk

    def test_admin_user_button_with_replica_router_revokes(self, pages, staff, session):
        url = pages.sign_out_url(session.user)
        answer = pages.confirm(pages.client.get(url))
        assert messages_of(answer) == ["1 session was revoked."]

    def test_each_admin_page_with_replica_router_opens(self, pages, session):
        assert pages.list().status_code == 200
        assert pages.open(session).status_code == 200
        events = reverse("admin:refresh_sessions_sessionevent_changelist")
        assert pages.client.get(events).status_code == 200


class TestCommands:
    def test_revoke_command_with_replica_router_revokes(self, user, session):
        call_command("revoke_refresh_sessions", "--user", user.get_username(), stdout=StringIO())
        assert DeviceSession.objects.get(pk=session.pk).revoked_at is not None

    def test_prune_with_export_commands_with_replica_router_succeed(self, session):
        call_command("prune_refresh_sessions", stdout=StringIO())
        out = StringIO()
        call_command("export_session_events", stdout=out)
        assert str(session.pk) in out.getvalue()
