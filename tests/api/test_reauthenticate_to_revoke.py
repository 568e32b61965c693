"""Revoking other sessions requires recent re-authentication (ASVS 7.5.2)."""

from datetime import timedelta

import pytest

from tests.factories import make_pair

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
def test_revoking_sessions_without_reauthentication_follows_settings(
    api, mine, other, clock, options, method, path
):
    options(REAUTHENTICATE_TO_REVOKE=False)
    clock.move(timedelta(minutes=6))
    path = path.format(other=other.session.pk)
    assert api.request(method, path, access=mine.access).status_code in {200, 204}


def test_renaming_a_session_needs_no_reauthentication(api, mine, other, clock):
    clock.move(timedelta(minutes=6))
    path = f"sessions/{other.session.pk}/"
    assert api.patch(path, {"name": "Old"}, access=mine.access).status_code == 200


def test_revoking_session_of_another_user_is_404_before_reauthentication(api, mine, clock):
    clock.move(timedelta(minutes=6))
    path = f"sessions/{make_pair().session.pk}/"
    assert api.delete(path, access=mine.access).status_code == 404
