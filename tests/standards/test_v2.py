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
    "A sign-in is a session, a family and an event, or nothing; the session that makes room for "
    "it ends only with it.",
)
def test_asvs_2_3_3_a_sign_in_that_fails_half_way_leaves_nothing(user, options):
    options(MAX_SESSIONS_PER_USER=1)
    make_pair(user)
    before = [list(model.objects.values()) for model in (DeviceSession, TokenFamily, SessionEvent)]
    # The last of its writes: all others have been made by then.
    with (
        mock.patch("refresh_sessions.sessions.login.record_events", side_effect=DatabaseError),
        pytest.raises(DatabaseError),
    ):
        start_session(user)
    after = [list(model.objects.values()) for model in (DeviceSession, TokenFamily, SessionEvent)]
    assert after == before
    start_session(user)
    assert DeviceSession.objects.active().count() == 1
