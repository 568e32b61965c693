"""While the cache does not answer, nothing is guessed and nobody is signed out."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.cache import cache
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from refresh_sessions.exceptions import SecondFactorRequiredError
from refresh_sessions.models import TokenFamily
from refresh_sessions.rest_framework.throttling import LoginAddressThrottle, LoginThrottle
from refresh_sessions.sessions import log_in
from tests.api.client import Client, problem
from tests.factories import PASSWORD, make_pair
from tests.factors import CODE
from tests.outages.caches import KINDS, broken
from tests.pages.browser import Browser
from tests.pages.markup import Page

pytestmark = pytest.mark.django_db

UNAVAILABLE = (503, "throttle_unavailable")


@pytest.fixture
def api():
    return Client()


@pytest.fixture(params=KINDS)
def cache_down(request, settings):
    """Break the cache at a moment of the test's choice."""

    def break_it():
        settings.CACHES = broken(request.param)

    healthy = settings.CACHES
    yield break_it
    settings.CACHES = healthy


@pytest.fixture
def lines(caplog):
    """What was logged of caches."""
    return lambda: [
        record
        for record in caplog.records
        if record.name == "refresh_sessions" and record.levelno == logging.ERROR
    ]


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_login_while_the_cache_is_down_is_503_whatever_the_password(
    api, user, cache_down, password
):
    cache_down()
    body = {"username": user.get_username(), "password": password}
    answer = api.post("login/", body)
    assert problem(answer) == UNAVAILABLE
    assert int(answer["Retry-After"]) >= 1
    assert not user.device_sessions.exists()


def test_second_step_while_the_cache_is_down_is_503_and_no_attempt(api, ada, options, cache_down):
    options(SECOND_FACTORS=("tests.factors.Code",))
    with pytest.raises(SecondFactorRequiredError) as asked:
        log_in(ada)
    body = {"ticket": asked.value.ticket, "code": CODE}
    cache_down()
    for _ in range(6):
        assert problem(api.post("login/verify/", body)) == UNAVAILABLE


def test_reauthentication_while_the_cache_is_down_is_503(api, pair, cache_down):
    cache_down()
    answer = api.post("reauthenticate/", {"password": PASSWORD}, access=pair.access)
    assert problem(answer) == UNAVAILABLE
    assert api.get("reauthenticate/", access=pair.access).status_code == 200


def test_refresh_and_the_rest_while_the_cache_is_down_go_on(api, pair, cache_down):
    cache_down()
    answer = api.post("refresh/", {"refresh": pair.refresh})
    assert answer.status_code == 200
    access = answer.json()["access"]
    assert api.get("sessions/", access=access).status_code == 200
    answer = api.post("logout/", {"refresh": answer.json()["refresh"]})
    assert answer.status_code == 204


def test_refresh_with_an_unusable_token_while_the_cache_is_down_is_refused(api, cache_down, pair):
    cache_down()
    assert problem(api.post("refresh/", {"refresh": "x.y.z"})) == (401, "token_not_valid")
    assert problem(api.post("refresh/", {"refresh": 7})) == (400, "invalid")


def test_refresh_while_the_cache_is_down_with_the_check_cache_goes_on(
    api, pair, options, cache_down
):
    options(ACCESS_TOKEN_CHECK="cache")
    cache_down()
    access = api.post("refresh/", {"refresh": pair.refresh}).json()["access"]
    assert api.raw.get("/who-am-i/", headers={"authorization": f"Bearer {access}"}).json()


def test_page_of_devices_while_the_cache_is_down_asks_to_wait(user, clock, cache_down, settings):
    settings.LOGIN_URL = "login"
    settings.LOGIN_REDIRECT_URL = "/devices/"
    browser = Browser().login(user)
    session = make_pair(user).session
    clock.move(timedelta(minutes=6))
    cache_down()
    response = browser.end(session, password=PASSWORD)
    assert response.status_code == 503
    assert int(response["Retry-After"]) >= 1
    assert "The service is busy" in Page(response.text).title
    session.refresh_from_db()
    assert session.revoked_at is None


def test_throttles_that_are_off_do_not_need_the_cache(api, user, cache_down, settings):
    rates = dict.fromkeys(("session-login", "session-login-address", "session-refresh"))
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}
    cache_down()
    body = {"username": user.get_username(), "password": PASSWORD}
    assert api.post("login/", body).status_code == 200


def test_throttle_of_ours_in_a_view_of_the_project_is_503_there(cache_down, settings):
    class Free(APIView):
        authentication_classes = ()
        throttle_classes = (LoginAddressThrottle, LoginThrottle)

        def post(self, request):
            return Response()

    cache_down()
    answer = Free.as_view()(APIRequestFactory().post("/", REMOTE_ADDR="8.8.8.8"))
    assert answer.status_code == 503
    assert answer.data["code"] == "throttle_unavailable"


def test_throttle_with_a_cache_of_its_own_is_503_as_well(cache_down, settings):
    class Own(LoginThrottle):
        cache = cache

    class Free(APIView):
        authentication_classes = ()
        throttle_classes = (Own,)

        def post(self, request):
            return Response()

    cache_down()
    assert Free.as_view()(APIRequestFactory().post("/")).status_code == 503


def test_cache_that_is_down_is_logged_once_and_then_once_a_minute(
    api, pair, cache_down, lines, monkeypatch
):
    cache_down()
    for _ in range(20):
        api.post("login/", {"username": "x", "password": "x"})
        api.post("refresh/", {"refresh": "garbage"})
        answer = api.post("refresh/", {"refresh": pair.refresh})
        pair = replace(pair, refresh=answer.json()["refresh"])
        TokenFamily.objects.update(rotated_at=None)
    (line,) = lines()
    assert "throttles" in line.getMessage()
    assert line.exc_info is not None
    monkeypatch.setattr("refresh_sessions.burst_log.REPEAT_AFTER", 0.0)
    api.post("login/", {"username": "x", "password": "x"})
    assert len(lines()) == 2
    assert "39 more" in lines()[1].getMessage()


def test_cache_of_the_access_check_that_is_down_is_logged_once(
    api, pair, options, cache_down, lines
):
    options(ACCESS_TOKEN_CHECK="cache")
    cache_down()
    headers = {"authorization": f"Bearer {pair.access}"}
    for _ in range(10):
        assert api.raw.get("/who-am-i/", headers=headers).status_code == 200
    messages = [line.getMessage() for line in lines()]
    assert messages
    assert len(messages) == len(set(messages))


def test_login_after_the_cache_has_come_back_works(api, user, settings):
    body = {"username": user.get_username(), "password": PASSWORD}
    healthy = settings.CACHES
    settings.CACHES = broken("DeadCache")
    assert problem(api.post("login/", body)) == UNAVAILABLE
    settings.CACHES = healthy
    assert api.post("login/", body).status_code == 200
