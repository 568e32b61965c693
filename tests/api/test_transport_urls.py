"""One project that serves browsers by cookie and apps by body."""

from importlib.util import find_spec

import pytest
from django.core.checks import run_checks
from rest_framework.test import APIClient

from refresh_sessions.transports import get_transport, set_transport

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.transport_urls")]

COOKIE, COMPANION = "__Host-refresh_token", "refresh_companion"
BROWSER, APP = "/browser/auth/", "/app/auth/"


@pytest.fixture(autouse=True, params=["body", "cookie"])
def _setting(request, options):
    options(TRANSPORT=request.param)


@pytest.fixture
def post():
    """Post JSON with one cookie jar."""
    client = APIClient()

    def send(path, data=None, **headers):
        return client.post(path, data or {}, format="json", headers=headers)

    return send


def test_login_by_browser_url_sets_cookie_and_shows_no_token(post, credentials):
    answer = post(f"{BROWSER}login/", credentials)
    assert "refresh" not in answer.json()
    assert answer.cookies[COOKIE]["httponly"]
    assert COMPANION not in answer.cookies


def test_login_by_app_url_shows_token_and_sets_companion_alone(post, credentials):
    answer = post(f"{APP}login/", credentials)
    assert answer.json()["refresh"]
    assert set(answer.cookies) == {COMPANION}


def test_refresh_reads_token_from_place_of_its_url_only(post, credentials):
    post(f"{BROWSER}login/", credentials)
    assert post(f"{APP}refresh/").json()["code"] == "not_authenticated"
    answer = post(f"{BROWSER}refresh/", {"refresh": "ignored"})
    assert answer.status_code == 200
    assert "refresh" not in answer.json()
    assert COOKIE in answer.cookies


def test_refresh_by_app_url_ignores_cookie(post, credentials):
    token = post(f"{APP}login/", credentials).json()["refresh"]
    post(f"{BROWSER}login/", credentials)
    answer = post(f"{APP}refresh/", {"refresh": token})
    assert answer.json()["refresh"]
    assert COOKIE not in answer.cookies


def test_request_of_another_site_is_refused_by_browser_urls_only(post, credentials):
    foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert post(f"{BROWSER}login/", credentials, **foreign).json()["code"] == "csrf_failed"
    assert post(f"{APP}login/", credentials, **foreign).status_code == 200


def test_logout_deletes_cookie_of_its_url_only(post, credentials):
    token = post(f"{APP}login/", credentials).json()["refresh"]
    post(f"{BROWSER}login/", credentials)
    assert COOKIE not in post(f"{APP}logout/", {"refresh": token}).cookies
    assert post(f"{BROWSER}logout/").cookies[COOKIE].value == ""


def test_family_is_opened_by_app_url_only(post, credentials):
    tokens = post(f"{APP}login/", credentials).json()
    bearer = {"authorization": f"Bearer {tokens['access']}"}
    body = {"refresh": tokens["refresh"]}
    assert post(f"{BROWSER}sessions/branch/", body, **bearer).json()["code"] == "cookie_transport"
    assert post(f"{APP}sessions/branch/", body, **bearer).status_code == 201


@pytest.mark.parametrize(("query", "cookies"), [("?cookie", {COOKIE}), ("", {COMPANION})])
def test_project_view_chooses_transport(client, query, cookies):
    assert set(client.get(f"/social/{query}").cookies) == cookies


def test_unknown_transport_is_refused(rf):
    request = rf.get("/")
    with pytest.raises(ValueError, match="'body' or 'cookie', not 'header'"):
        set_transport(request, "header")
    assert get_transport(request) is get_transport(None)


def test_cookie_settings_are_checked_where_cookie_urls_are_mounted(options):
    options(TRANSPORT="body", COOKIE_SECURE=False)
    found = {message.id for message in run_checks(include_deployment_checks=True)}
    assert {"refresh_sessions.E012", "refresh_sessions.W011"} & found


def test_required_companion_is_no_warning_where_body_urls_are_mounted(options):
    options(TRANSPORT="cookie", COMPANION_COOKIE="require")
    found = {message.id for message in run_checks(include_deployment_checks=True)}
    assert "refresh_sessions.W024" not in found


@pytest.mark.skipif(not find_spec("drf_spectacular"), reason="needs drf-spectacular")
def test_schema_describes_each_url_with_its_transport():
    from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats  # noqa: PLC0415
    from drf_spectacular.generators import SchemaGenerator  # noqa: PLC0415
    from drf_spectacular.validation import validate_schema  # noqa: PLC0415

    reset_generator_stats()
    schema = SchemaGenerator(urlconf="tests.api.transport_urls").get_schema(public=True)
    assert not GENERATOR_STATS
    validate_schema(schema)

    def fields(path):
        answer = schema["paths"][path]["post"]["responses"]["200"]["content"]
        name = answer["application/json"]["schema"]["$ref"].rpartition("/")[2]
        return schema["components"]["schemas"][name]["properties"].keys()

    def takes_cookie(path):
        parameters = schema["paths"][path]["post"].get("parameters", [])
        return COOKIE in {parameter["name"] for parameter in parameters}

    for endpoint in ("login/", "refresh/"):
        assert "refresh" in fields(f"{APP}{endpoint}")
        assert "refresh" not in fields(f"{BROWSER}{endpoint}")
        assert takes_cookie(f"{BROWSER}{endpoint}")
        assert not takes_cookie(f"{APP}{endpoint}")
