"""The seeds of the demo."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from example_project.demo import seeds
from example_project.demo.accounts import STAFF, USERNAME, ensure_accounts
from example_project.demo.sample_clients import place_records
from refresh_sessions.models import (
    DeviceSession,
    EventKind,
    RevokedReason,
    SessionEvent,
    SessionStatus,
    TokenFamily,
)
from tests.devices.mmdb import write_database

PLACES = Path(seeds.__file__).parent / "places" / "GeoLite2-City.mmdb"


@pytest.fixture
def accounts(db):
    ensure_accounts()


@pytest.fixture
def seeded(accounts):
    began = time.process_time()
    assert seeds.seed() == seeds.SESSIONS
    assert time.process_time() - began < 2


def test_seeds_have_sessions_of_all_users_over_thirty_days(seeded):
    sessions = DeviceSession.objects.all()

    assert len(sessions) == TokenFamily.objects.count() == 200
    assert len({session.user_id for session in sessions}) == 25
    assert sessions.filter(user__username=USERNAME).count() > 3
    ages = {(timezone.now() - session.created_at).days for session in sessions}
    assert ages == set(range(30))


def test_seeds_have_each_ending_and_live_sessions(seeded):
    reasons = {session.revoked_reason for session in DeviceSession.objects.revoked()}

    assert {RevokedReason.LOGOUT, RevokedReason.ADMIN, RevokedReason.REUSE} <= reasons
    assert DeviceSession.objects.active().count() > 20
    assert DeviceSession.objects.expired().count() > 20
    for session in DeviceSession.objects.prefetch_related("families").select_related("user"):
        ended = session.revoked_at or min(session.expires_at, timezone.now())
        assert session.created_at <= session.last_used_at <= ended <= session.expires_at
        assert session.device
        assert (session.status is SessionStatus.REVOKED) == (session.revoked_at is not None)


def test_seeds_have_events_of_logins_and_endings(seeded):
    events = SessionEvent.objects.all()

    assert events.filter(kind=EventKind.SIGNED_IN).count() == 200
    ended = DeviceSession.objects.filter(revoked_at__isnull=False).count()
    assert events.exclude(kind=EventKind.SIGNED_IN).count() == ended
    alarm = events.filter(kind=EventKind.REUSE_DETECTED).first()
    assert alarm.details["other_ip_address"] == alarm.session.ip_address
    assert alarm.details["ip_address"] != alarm.session.ip_address


def test_second_seed_changes_nothing(seeded):
    assert seeds.seed() == 0

    assert DeviceSession.objects.count() == 200


def test_seed_beside_account_with_name_of_seeds_creates_nothing(accounts):
    User.objects.create_user("anna.keller")

    assert seeds.seed() == 0
    assert set(User.objects.values_list("username", flat=True)) == {USERNAME, STAFF, "anna.keller"}
    assert not DeviceSession.objects.exists()


def test_seeds_in_another_database_are_equal(accounts):
    def describe():
        return sorted(DeviceSession.objects.values_list("user__username", "name", "ip_address"))

    seeds.seed()
    first = describe()
    User.objects.filter(username__in=seeds.COLLEAGUES).delete()
    DeviceSession.objects.all().delete()
    seeds.seed()

    assert describe() == first


def test_places_file_has_the_networks_of_the_seeds():
    assert PLACES.read_bytes() == write_database("GeoLite2-City", place_records())


def test_addresses_of_seeds_have_places(seeded, settings):
    pytest.importorskip("geoip2")
    settings.GEOIP_PATH = PLACES.parent

    places = {session.place for session in DeviceSession.objects.all()}
    assert "London, United Kingdom" in places
    assert "" not in places


def test_age_of_newest_session_is_minutes(seeded):
    newest = DeviceSession.objects.latest("created_at")

    assert timezone.now() - newest.created_at < timedelta(days=1)
