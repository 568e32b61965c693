"""POST sessions/branch/: open a token family."""

from datetime import timedelta

import pytest

from tests.api.client import problem
from tests.domain.client_actions import session_of

pytestmark = pytest.mark.django_db

PATH = "sessions/branch/"


def test_opened_family_answers_like_login_plus_current_tokens(api, login):
    first = login(device_name="Phone")
    answer = api.post(PATH, {"refresh": first["refresh"]}, access=first["access"])
    assert answer.status_code == 201
    body = answer.json()
    current = body.pop("current")
    assert set(body) == set(first)
    assert body["session"]["id"] == first["session"]["id"]
    assert set(current) == {"access", "access_expires_at", "refresh", "refresh_expires_at"}
    assert len({first["refresh"], body["refresh"], current["refresh"]}) == 3
    for tokens in (body, current):
        assert api.post("refresh/", {"refresh": tokens["refresh"]}).status_code == 200
        assert len(api.get("sessions/", access=tokens["access"]).json()) == 1


def test_opened_family_renames_fields_of_current_tokens(api, pair, options):
    options(FIELD_NAMES={"refresh": "refreshToken", "access": "accessToken"})
    body = api.post(PATH, {"refreshToken": pair.refresh}, access=pair.access).json()
    assert {"refreshToken", "accessToken"} <= body.keys() & body["current"].keys()


def test_opening_a_family_with_old_reauthentication_uses_no_token(api, pair, clock):
    clock.move(timedelta(minutes=6))
    answer = api.post(PATH, {"refresh": pair.refresh}, access=pair.access)
    assert problem(answer) == (401, "reauthentication_required")
    assert answer["WWW-Authenticate"] == (
        'Bearer realm="api", error="insufficient_user_authentication", max_age="300"'
    )
    assert session_of(pair).families.count() == 1
    assert api.post("refresh/", {"refresh": pair.refresh}).json()["refresh"]


def test_family_limit_is_403(api, pair, options):
    options(MAX_FAMILIES_PER_SESSION=1)
    answer = api.post(PATH, {"refresh": pair.refresh}, access=pair.access)
    assert problem(answer) == (403, "family_limit_reached")


def test_opening_a_family_with_used_token_is_409(api, pair):
    new = api.post("refresh/", {"refresh": pair.refresh}).json()
    answer = api.post(PATH, {"refresh": pair.refresh}, access=new["access"])
    assert problem(answer) == (409, "refresh_superseded")


def test_opening_a_family_without_either_token_is_401(api, pair):
    body = {"refresh": pair.refresh}
    assert problem(api.post(PATH, body)) == (401, "not_authenticated")
    assert problem(api.post(PATH, body, access=pair.refresh)) == (401, "token_not_valid")
    answer = api.post(PATH, access=pair.access)
    assert problem(answer) == (401, "not_authenticated")
    assert answer.json()["detail"] == 'Missing field "refresh".'
    assert problem(api.post(PATH, {"refresh": "x"}, access=pair.access)) == (
        *(401, "token_not_valid"),
    )


def test_opening_a_family_with_stateless_check_reads_database(api, pair, options):
    options(ACCESS_TOKEN_CHECK="stateless")
    assert api.post(PATH, {"refresh": pair.refresh}, access=pair.access).status_code == 201


@pytest.mark.parametrize("where", ["body", "cookie"])
def test_opening_a_family_with_cookie_transport_is_403(api, pair, options, where):
    """A script could send its access token and read the new token from Set-Cookie."""
    options(TRANSPORT="cookie", COOKIE_NAME="refresh")
    body = {"refresh": pair.refresh} if where == "body" else None
    if where == "cookie":
        api.raw.cookies["refresh"] = pair.refresh
    answer = api.post(PATH, body, access=pair.access)
    assert problem(answer) == (403, "cookie_transport")
    assert not answer.cookies
    assert session_of(pair).families.count() == 1
