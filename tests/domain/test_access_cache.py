"""How long a session object keeps its token families, and when it reads them again."""

from datetime import timedelta

import pytest

from refresh_sessions.models import SessionStatus, TokenFamily
from refresh_sessions.sessions import refresh_session
from tests.domain.client_actions import AFTER_OVERLAP, session_of
from tests.factories import make_pair

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(clock, user):
    return make_pair(user)


@pytest.fixture
def session(pair):
    """A session read from the database, with its families loaded."""
    session = session_of(pair)
    assert session.last_used_at == session.created_at
    assert session.status is SessionStatus.LIVE
    return session


def test_session_families_are_read_once(session, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert (session.last_used_at, session.status) == (session.created_at, SessionStatus.LIVE)


def test_refreshed_session_object_has_new_last_use(session, pair, clock):
    clock.move(AFTER_OVERLAP)
    refresh_session(pair.refresh)
    assert session.last_used_at == session.created_at
    session.refresh_from_db()
    assert session.last_used_at == clock.now


def test_refreshed_session_object_has_closed_families(session):
    TokenFamily.objects.update(closed_at=session.created_at)
    assert session.status is SessionStatus.LIVE
    session.refresh_from_db()
    assert session.status is SessionStatus.EXPIRED


@pytest.mark.parametrize("fields", [None, ["name"]], ids=["all fields", "one field"])
def test_partly_refreshed_session_object_has_new_families(session, pair, clock, fields):
    clock.move(timedelta(minutes=1))
    refresh_session(pair.refresh)
    session.refresh_from_db(fields=fields)
    assert session.last_used_at == clock.now


def test_session_of_new_login_has_family_without_query(pair, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert pair.session.last_used_at == pair.session.created_at
