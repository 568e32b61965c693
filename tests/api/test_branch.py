"""POST sessions/branch/."""

from datetime import timedelta

import pytest

from tests.api.client import problem
from tests.domain.stories import session_of

pytestmark = pytest.mark.django_db


def test_answers_as_login_does(api, login):
    first = login(device_name="Phone")
    answer = api.post("sessions/branch/", access=first["access"])
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == set(first)
    assert body["session"] == first["session"]
    assert body["refresh"] != first["refresh"]
    assert api.post("refresh/", {"refresh": body["refresh"]}).status_code == 200
    assert len(api.get("sessions/", access=body["access"]).json()) == 1


def test_asks_for_fresh_proof(api, pair, clock):
    clock.move(timedelta(minutes=6))
    answer = api.post("sessions/branch/", access=pair.access)
    assert problem(answer) == (401, "reauthentication_required")
    assert answer["WWW-Authenticate"] == (
        'Bearer realm="api", error="insufficient_user_authentication", max_age="300"'
    )
    assert session_of(pair).families.count() == 1


def test_has_a_small_limit(api, pair, options):
    options(MAX_FAMILIES_PER_SESSION=1)
    answer = api.post("sessions/branch/", access=pair.access)
    assert problem(answer) == (403, "family_limit_reached")


def test_needs_an_access_token(api, pair):
    assert problem(api.post("sessions/branch/")) == (401, "not_authenticated")
    assert problem(api.post("sessions/branch/", access=pair.refresh)) == (401, "token_not_valid")


def test_asks_the_database_even_when_others_are_stateless(api, pair, options):
    options(ACCESS_TOKEN_CHECK="stateless")
    assert api.post("sessions/branch/", access=pair.access).status_code == 201
