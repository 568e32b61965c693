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
    """Staff who may look and nothing else."""
    return _staff_with("view_devicesession")


@pytest.fixture
def revoker(db):
    """Staff with all there is to grant on sessions."""
    return _staff_with("view_devicesession", "revoke_devicesession")


@pytest.fixture
def pages_of():
    """``SessionPages`` as one member of staff gets them."""

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
    """Staff who may read the record and nothing else."""
    return _staff_with("view_sessionevent")


@pytest.fixture
def events_of():
    """``EventPages`` as one member of staff gets them."""

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
    """An event of a session, of its own unless one is given, and beside its sign-in."""

    def make(session=None, kind="reauthenticated", **fields) -> SessionEvent:
        session = session or make_session()
        fields = {"created_at": timezone.now(), **fields}
        return SessionEvent.objects.create(session=session, kind=kind, **fields)

    return make


@pytest.fixture
def make_session():
    """A session as it is after signing in; ``"expired"`` and ``"revoked"`` ones are of old."""

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
def record(make_session):
    """Note events of a session whose own sign-in is not among them."""
    session = make_session()
    SessionEvent.objects.all().delete()

    def note(kind, *instants):
        SessionEvent.objects.bulk_create(
            SessionEvent(session=session, kind=kind, created_at=at) for at in instants
        )

    return note
