"""The code of docs/password-change.md."""

import re
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.test import override_settings
from django.urls import include, path

from refresh_sessions.models import DeviceSession
from refresh_sessions.signals import session_revoked
from tests.api.client import Client, problem
from tests.factories import PASSWORD
from tests.listeners import heard

PAGE = Path(__file__).parents[2] / "docs" / "password-change.md"
NEW = "another horse, another battery"
MINIMUM = {
    "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
    "OPTIONS": {"min_length": 12},
}

pytestmark = pytest.mark.django_db


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)


@pytest.fixture(scope="module")
def urls():
    """A project with the code of the page."""
    project: Any = ModuleType("project")
    view, patterns = blocks()
    code = compile(view, str(PAGE), "exec")
    exec(code, project.__dict__)  # noqa: S102  (our own page)
    # The three dots stand for the existing URLs of a project.
    exec(patterns.replace(", ...", ""), {**project.__dict__, "path": path}, project.__dict__)  # noqa: S102
    project.urlpatterns += [path("auth/", include("refresh_sessions.urls"))]
    with override_settings(ROOT_URLCONF=project):
        yield


@pytest.fixture
def change(api, urls):
    def send(tokens, new_password=NEW):
        return api.post("password/", {"new_password": new_password}, access=tokens["access"])

    return send


@pytest.fixture
def here(login, urls):
    return login(device_name="Laptop")


def reaches(api: Client, tokens: Any) -> bool:
    return bool(api.get("sessions/", access=tokens["access"]).status_code == 200)


def test_password_change_example_revokes_other_sessions_alone(api, login, here, change):
    there = login(device_name="Phone")
    with heard(session_revoked) as revoked:
        answer = change(here)
    assert answer.status_code == 200
    new = answer.json()
    assert new["session"]["id"] == here["session"]["id"]
    assert new["session"]["is_current"] is True
    assert {new["access"], new["refresh"]}.isdisjoint({here["access"], here["refresh"]})
    assert (reaches(api, new), reaches(api, there)) == (True, False)
    assert api.post("refresh/", {"refresh": new["refresh"]}).status_code == 200
    assert problem(api.post("refresh/", {"refresh": there["refresh"]})) == (401, "session_revoked")
    assert [str(one["session"].pk) for one in revoked] == [there["session"]["id"]]


def test_password_change_example_stores_new_password(api, credentials, here, change):
    change(here)
    assert problem(api.post("login/", credentials)) == (401, "no_active_account")
    assert api.post("login/", {**credentials, "password": NEW}).status_code == 200


def test_password_change_example_requires_recent_reauthentication(
    api, credentials, clock, change, options
):
    options(ACCESS_TOKEN_LIFETIME=timedelta(hours=1))
    here = api.post("login/", credentials).json()
    clock.move(timedelta(minutes=6))
    assert problem(change(here)) == (401, "reauthentication_required")
    tokens = api.post("reauthenticate/", {"password": PASSWORD}, access=here["access"]).json()
    answer = change(tokens)
    assert answer.status_code == 200
    # Right after the rotation of the step-up, the client keeps its valid refresh token.
    assert "refresh" not in answer.json()
    assert reaches(api, answer.json())
    clock.move(timedelta(seconds=11))
    assert api.post("refresh/", {"refresh": tokens["refresh"]}).status_code == 200


@pytest.mark.parametrize("body", [{}, {"new_password": ""}, {"new_password": None}, []])
def test_password_change_example_without_password_is_400(api, here, body, urls):
    answer = api.post("password/", body, access=here["access"])
    assert problem(answer) == (400, "invalid")
    assert reaches(api, here)


def test_password_change_example_with_weak_password_is_400(here, change, settings):
    settings.AUTH_PASSWORD_VALIDATORS = [MINIMUM]
    answer = change(here, "short")
    assert problem(answer) == (400, "invalid")
    (reason,) = answer.json()["errors"]["new_password"]
    assert "at least 12 characters" in reason
    assert DeviceSession.objects.active().count() == 1


def test_password_change_example_keeps_spaces_of_password(api, credentials, here, change):
    spaced = f" {NEW} "
    change(here, spaced)
    assert api.post("login/", {**credentials, "password": spaced}).status_code == 200


def test_password_change_example_refuses_anonymous_request(api, urls):
    answer = api.post("password/", {"new_password": NEW})
    assert problem(answer) == (401, "not_authenticated")


def test_password_change_example_replaces_cookie(api, credentials, change, options):
    options(TRANSPORT="cookie", COOKIE_NAME="rt", COOKIE_SECURE=False)
    here = api.post("login/", credentials)
    before = here.cookies["rt"].value
    answer = change(here.json())
    assert answer.status_code == 200
    assert answer.cookies["rt"].value not in {"", before}
    assert "refresh" not in answer.json()
    assert api.post("refresh/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_password_change_example_error_report_shows_no_password(
    reports, credentials, urls, monkeypatch
):
    def fail(*args, **kwargs):
        raise RuntimeError("broken on purpose")

    client = Client(raise_request_exception=False)
    here = client.post("login/", credentials).json()
    monkeypatch.setattr("refresh_sessions.sessions.password_change.compare_and_swap", fail)
    headers = {"authorization": f"Bearer {here['access']}"}
    body = {"new_password": NEW}
    answer = client.raw.post("/auth/password/", body, format="json", headers=headers)
    assert answer.status_code == 500
    (seen,) = reports
    assert "broken on purpose" in seen
    for secret in (NEW, here["access"], here["refresh"]):
        assert secret not in seen
