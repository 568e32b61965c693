"""ASVS V2, validation and business logic."""

from unittest import mock

import pytest
from django.db import DatabaseError

from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import start_session
from tests.factories import make_pair
from tests.standards.registry import passes

pytestmark = pytest.mark.django_db(transaction=True)


@passes(
    "ASVS 2.3.3",
    "A login creates session, family and event in one transaction; the session that it "
    "replaces at the limit is revoked in the same transaction.",
)
def test_asvs_2_3_3_login_failed_halfway_changes_nothing(user, options):
    options(MAX_SESSIONS_PER_USER=1)
    make_pair(user)
    before = [list(model.objects.values()) for model in (DeviceSession, TokenFamily, SessionEvent)]
    # The last write of a login.
    with (
        mock.patch("refresh_sessions.sessions.login.record_events", side_effect=DatabaseError),
        pytest.raises(DatabaseError),
    ):
        start_session(user)
    after = [list(model.objects.values()) for model in (DeviceSession, TokenFamily, SessionEvent)]
    assert after == before
    start_session(user)
    assert DeviceSession.objects.active().count() == 1
