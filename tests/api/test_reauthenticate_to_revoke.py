"""Revoking other sessions requires recent re-authentication (ASVS 7.5.2)."""

from datetime import timedelta

import pytest

from tests.api.client import problem
from tests.domain.stories import session_of
from tests.factories import PASSWORD, make_pair

pytestmark = pytest.mark.django_db

WAYS = [
    ("delete", "sessions/{other}/"),
    ("post", "sessions/revoke-others/"),
    ("post", "sessions/revoke-all/"),
]


@pytest.fixture
def mine(user):
    return make_pair(user)


@pytest.fixture
def other(user):
    return make_pair(user)


@pytest.mark.parametrize(("method", "path"), WAYS)
def test_revoking_sessions_requires_recent_reauthentication(api, mine, other, clock, method, path):
    clock.move(timedelta(minutes=6))
    path = path.format(other=other.session.pk)
    answer = api.request(method, path, access=mine.access)
    assert problem(answer) == (401, "reauthentication_required")
    assert 'max_age="300"' in answer["WWW-Authenticate"]
    assert session_of(other).revoked_at is None
    reauthenticated = api.post("reauthenticate/", {"password": PASSWORD}, access=mine.access)
    access_token = reauthenticated.json()["access"]
    assert api.request(method, path, access=access_token).status_code in {200, 204}
    assert session_of(other).revoked_at is not None


@pytest.mark.parametrize(("method", "path"), WAYS)
def test_revoking_sessions_without_reauthentication_follows_settings(
    api, mine, other, clock, options, method, path
):
    options(REAUTHENTICATE_TO_REVOKE=False)
    clock.move(timedelta(minutes=6))
    path = path.format(other=other.session.pk)
    assert api.request(method, path, access=mine.access).status_code in {200, 204}


def test_revoking_own_session_needs_no_reauthentication(api, mine, clock):
    clock.move(timedelta(minutes=6))
    answer = api.delete(f"sessions/{mine.session.pk}/", access=mine.access)
    assert answer.status_code == 204


def test_renaming_a_session_needs_no_reauthentication(api, mine, other, clock):
    clock.move(timedelta(minutes=6))
    path = f"sessions/{other.session.pk}/"
    assert api.patch(path, {"name": "Old"}, access=mine.access).status_code == 200


def test_revoking_session_of_another_user_is_404_before_reauthentication(api, mine, clock):
    clock.move(timedelta(minutes=6))
    path = f"sessions/{make_pair().session.pk}/"
    assert api.delete(path, access=mine.access).status_code == 404
