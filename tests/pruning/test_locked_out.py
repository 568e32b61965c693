"""The search for sessions that their accounts lock out, among all sessions."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext

from refresh_sessions.models import DeviceSession, TokenFamily, owners
from refresh_sessions.sessions import locked_out
from refresh_sessions.sessions.locked_out import revoke_all_locked_out
from tests.factories import UserFactory, make_pair
from tests.listeners import heard
from tests.pruning.builders import long_expired, statements

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    monkeypatch.setattr(locked_out, "_WINDOW", 3)


@pytest.fixture(params=["SQL", "Python"])
def each_comparison(request, monkeypatch):
    """Compare accounts in SQL, and as for a user model that only Python can compare."""
    if request.param == "Python":
        monkeypatch.setattr(owners, "may_be_locked_out", lambda: None)


def change(pair, **values):
    get_user_model().objects.filter(pk=pair.session.user_id).update(**values)


def revoked():
    return set(DeviceSession.objects.filter(revoked_at__isnull=False).values_list("pk", flat=True))


@pytest.mark.parametrize("position", range(8))
@pytest.mark.parametrize(
    "values", [{"is_active": False}, {"password": make_password("by SQL")}], ids=" ".join
)
def test_search_finds_session_in_each_window(position, values, clock):
    pairs = []
    for _ in range(8):
        pairs.append(make_pair())
        clock.move(timedelta(minutes=1))
    change(pairs[position], **values)
    assert revoke_all_locked_out() == 1
    assert revoked() == {pairs[position].session.pk}


def test_search_finds_all_sessions_of_one_deadline(each_comparison):
    pairs = [make_pair() for _ in range(8)]
    DeviceSession.objects.update(expires_at=pairs[0].session.expires_at)
    for pair in pairs[1:]:
        change(pair, is_active=False)
    assert revoke_all_locked_out() == 7


def test_search_finds_other_password_of_session_without_fingerprint(each_comparison):
    pair, other = make_pair(), make_pair()
    DeviceSession.objects.update(password_fingerprint="")
    change(pair, password=make_password("by SQL"))
    assert revoke_all_locked_out() == 1
    assert revoked() == {pair.session.pk} != {other.session.pk}


def test_search_leaves_ended_sessions(each_comparison, clock):
    idle, ended, expired = make_pair(), make_pair(), long_expired(1)[0]
    TokenFamily.objects.filter(session=idle.session.pk).update(idle_expires_at=clock.now)
    DeviceSession.objects.filter(pk=ended.session.pk).update(
        revoked_at=clock.now, revoked_reason="user"
    )
    get_user_model().objects.update(is_active=False)
    assert revoke_all_locked_out() == 0
    assert DeviceSession.objects.get(pk=ended.session.pk).revoked_reason == "user"
    assert DeviceSession.objects.get(pk=expired.pk).revoked_at is None


def test_search_takes_two_statements_for_a_window():
    user = UserFactory()
    for _ in range(7):
        make_pair(user)
    with CaptureQueriesContext(connection) as queries, heard(post_init) as loaded:
        assert revoke_all_locked_out() == 0
    # The clock, and for each of three windows its end and its candidates.
    assert statements(queries) == ["SELECT"] * (1 + 3 * 2)
    assert loaded == []
