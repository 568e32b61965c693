"""ASVS V15, secure coding: client addresses, race conditions.

The races here are small and use the current database; ``tests/races`` has them at full size on
each database and isolation level.
"""

from datetime import timedelta
from functools import partial

import pytest

from refresh_sessions.models import DeviceSession, SessionEvent
from refresh_sessions.sessions import refresh_session, revoke_session, start_session
from tests.api.client import Client
from tests.domain.client_actions import call, family_of
from tests.factories import UserFactory, make_pair
from tests.races.barriers import wait_for_readers
from tests.races.runner import at_once
from tests.standards.registry import passes

PROXY = "10.0.0.1"


@passes(
    "ASVS 15.3.4",
    "Throttles and events use the address that the last trusted proxy saw, and ignore the "
    "rest of the header.",
)
@pytest.mark.django_db
def test_asvs_15_3_4_client_address_is_taken_from_trusted_proxy(credentials, options):
    options(TRUSTED_PROXIES=("10.0.0.0/8",))
    behind_proxy, wrong = Client(REMOTE_ADDR=PROXY), {**credentials, "password": "wrong"}

    def send(body, forwarded):
        return behind_proxy.post("login/", body, headers={"x-forwarded-for": forwarded})

    forwarded_for = [f"198.51.100.{number}, 203.0.113.9" for number in range(6)]
    assert [send(wrong, value).status_code for value in forwarded_for] == [401] * 5 + [429]
    assert send(credentials, "203.0.113.10").status_code == 200
    assert SessionEvent.objects.get().ip_address == "203.0.113.10"
    assert DeviceSession.objects.get().ip_address == "203.0.113.10"


@passes(
    "ASVS 15.4.2",
    "The UPDATE that writes also contains the check: of several requests with one token one "
    "succeeds, and the limit of sessions holds for concurrent logins. At full size, on "
    "SQLite, PostgreSQL and MariaDB and each isolation level, in `tests/races`.",
)
@pytest.mark.django_db(transaction=True)
def test_asvs_15_4_2_concurrent_requests_cannot_bypass_checks(options, monkeypatch):
    options(ROTATION_OVERLAP=timedelta(minutes=10), MAX_SESSIONS_PER_USER=3)
    user = UserFactory()
    at_once([partial(start_session, user)] * 8)
    assert DeviceSession.objects.active().for_user(user).count() == 3
    pair = make_pair()
    # No request writes before all have read.
    wait_for_readers(monkeypatch, 4)
    answers = at_once([partial(refresh_session, pair.refresh)] * 4)
    assert len([answer for answer in answers if answer.refresh]) == 1
    assert family_of(pair).generation == 2
    ends = at_once([partial(revoke_session, pair.session, reason="admin")] * 4)
    assert sorted(ends) == [False, False, False, True]
    assert call(pair) == "session_revoked"
