from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import revoke_session
from tests.admin.event_pages import EventPages
from tests.admin.pages import SessionPages
from tests.factories import UserFactory, make_pair


@pytest.fixture(autouse=True)
def _admin_knows_the_user_model(settings):
    settings.ROOT_URLCONF = "tests.admin.urls"


@pytest.fixture
def superuser(db):
    return UserFactory.create(is_staff=True, is_superuser=True)


def _staff_with(*codenames):
    staff = UserFactory.create(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return staff


@pytest.fixture
def viewer(db):
    """Staff with permission to view sessions only."""
    return _staff_with("view_devicesession")


@pytest.fixture
def revoker(db):
    """Staff with all permissions on sessions."""
    return _staff_with("view_devicesession", "revoke_devicesession")


@pytest.fixture
def pages_of():
    """Return a factory of ``SessionPages`` for a member of staff."""

    def pages(staff):
        client = Client()
        client.force_login(staff)
        return SessionPages(client)

    return pages


@pytest.fixture
def superuser_client(superuser) -> Client:
    client = Client()
    client.force_login(superuser)
    return client


@pytest.fixture
def pages(revoker, pages_of):
    return pages_of(revoker)


@pytest.fixture
def auditor(db):
    """Staff with permission to view events only."""
    return _staff_with("view_sessionevent")


@pytest.fixture
def events_of():
    """Return a factory of ``EventPages`` for a member of staff."""

    def pages(staff):
        client = Client()
        client.force_login(staff)
        return EventPages(client)

    return pages


@pytest.fixture
def events(auditor, events_of):
    return events_of(auditor)


@pytest.fixture
def make_event(make_session):
    """Return a factory of events; each belongs to a new session unless one is given."""

    def make(session=None, kind="reauthenticated", **fields) -> SessionEvent:
        session = session or make_session()
        fields = {"created_at": timezone.now(), **fields}
        return SessionEvent.objects.create(session=session, kind=kind, **fields)

    return make


@pytest.fixture
def make_session():
    """Return a factory of sessions; ``"expired"`` and ``"revoked"`` ones have ended already."""

    def make(user=None, status="live", *, reason="logout", **fields) -> DeviceSession:
        session = make_pair(user).session
        if status == "revoked":
            revoke_session(session, reason=reason)
        if status == "expired":
            past = timezone.now() - timedelta(days=1)
            TokenFamily.objects.filter(session=session).update(idle_expires_at=past)
        DeviceSession.objects.filter(pk=session.pk).update(**fields)
        return DeviceSession.objects.get(pk=session.pk)

    return make


@pytest.fixture
def bind():
    """Return a function that binds the token families of a session to a key."""

    def change(session, binding="dpop"):
        families = TokenFamily.objects.filter(session=session)
        families.update(binding=binding, key_thumbprint="k" * 43)
        return session

    return change


@pytest.fixture
def record(make_session):
    """Return a function that adds events to one session without an event of its login."""
    session = make_session()
    SessionEvent.objects.all().delete()

    def add(kind, *instants):
        SessionEvent.objects.bulk_create(
            SessionEvent(session=session, kind=kind, created_at=at) for at in instants
        )

    return add
