"""Project views with the package's authentication, and endpoints with the project's defaults."""

import sqlite3
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connection
from rest_framework.settings import reload_api_settings
from rest_framework.test import APIClient

from refresh_sessions.models import TokenFamily
from refresh_sessions.sessions import revoke_session
from tests.api.client import problem

pytestmark = pytest.mark.django_db

PATH = "/who-am-i/"


class TestProjectViews:
    def test_project_view_receives_user_with_session(
        self, client, pair, user, bearer, django_assert_num_queries
    ):
        with django_assert_num_queries(1):
            answer = client.get(PATH, headers=bearer(pair))
        assert answer.json() == {"user": str(user.pk), "session": str(pair.session.pk)}

    def test_project_view_without_token_is_401(self, client, db):
        answer = client.get(PATH)
        assert problem(answer) == (401, "not_authenticated")
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'

    def test_project_view_with_expired_token_is_401(self, client, pair, bearer, clock):
        clock.move(timedelta(minutes=16))
        answer = client.get(PATH, headers=bearer(pair))
        assert problem(answer) == (401, "token_not_valid/token_expired")
        assert answer["WWW-Authenticate"] == (
            'Bearer realm="api", error="invalid_token", '
            'error_description="The access token expired"'
        )

    def test_project_view_with_revoked_session_is_401(self, client, pair, bearer):
        revoke_session(pair.session, reason="admin")
        answer = client.get(PATH, headers=bearer(pair))
        assert problem(answer) == (401, "session_revoked")
        assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'

    def test_project_view_ignores_another_scheme(self, client, db):
        answer = client.get(PATH, headers={"authorization": "Basic eDp5"})
        assert problem(answer) == (401, "not_authenticated")

    def test_project_view_writes_delivery_alone(self, client, pair, bearer):
        before = TokenFamily.objects.values().get()
        client.get(PATH, headers=bearer(pair))
        assert TokenFamily.objects.values().get() == before


class TestBusyDatabase:
    @pytest.fixture(autouse=True)
    def _busy(self, monkeypatch, pair):
        def fail(*args, **kwargs):
            cause = sqlite3.OperationalError("database is locked")
            cause.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise OperationalError("database is locked") from cause

        monkeypatch.setattr("refresh_sessions.database.time.sleep", lambda seconds: None)
        with connection.execute_wrapper(fail):
            yield

    def test_busy_database_is_503_at_each_endpoint(self, client, api, pair, bearer):
        answers = [
            client.get(PATH, headers=bearer(pair)),
            api.get("sessions/", access=pair.access),
            api.post("refresh/", {"refresh": pair.refresh}),
            api.post("logout/", {"refresh": pair.refresh}),
        ]
        assert {problem(answer) for answer in answers} == {(503, "database_busy")}
        assert {answer["Retry-After"] for answer in answers} == {"1"}


@pytest.fixture
def rest_framework(settings):
    """Change REST framework's settings as a project would."""

    def change(**keys):
        settings.REST_FRAMEWORK = {**django_settings.REST_FRAMEWORK, **keys}

    yield change
    reload_api_settings(setting="REST_FRAMEWORK")


class TestEndpointsWithProjectDefaults:
    def flow(self, credentials):
        """Log in, list, refresh and log out in one sequence."""
        client = APIClient()
        tokens = client.post("/auth/login/", credentials, format="json").json()
        headers = {"authorization": f"Bearer {tokens['access']}"}
        return [
            client.get("/auth/sessions/", headers=headers).status_code,
            client.post("/auth/refresh/", {"refresh": tokens["refresh"]}, "json").status_code,
            client.post("/auth/logout/", {"refresh": tokens["refresh"]}, "json").status_code,
            client.get("/auth/sessions/", headers=headers).status_code,
            client.get("/auth/sessions/").status_code,
            client.post("/auth/refresh/", {}, "json").status_code,
        ]

    @pytest.mark.parametrize(
        "keys",
        [
            {},
            {"DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"]},
            {"DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.DjangoModelPermissions"]},
            {"DEFAULT_AUTHENTICATION_CLASSES": []},
            {
                "DEFAULT_AUTHENTICATION_CLASSES": [
                    "rest_framework.authentication.SessionAuthentication"
                ]
            },
            {"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.BrowsableAPIRenderer"]},
            {"DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"]},
            {"DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning"},
            {"EXCEPTION_HANDLER": "rest_framework.views.exception_handler"},
            {"DATETIME_FORMAT": "%d.%m.%Y"},
        ],
        ids=lambda keys: next(iter(keys), "none"),
    )
    def test_endpoints_work_with_project_rest_framework_defaults(
        self, credentials, rest_framework, keys
    ):
        rest_framework(**keys)
        assert self.flow(credentials) == [200, 200, 204, 401, 401, 401]

    def test_endpoints_work_with_login_required_middleware(self, credentials, settings):
        settings.MIDDLEWARE = [
            *settings.MIDDLEWARE,
            "django.contrib.auth.middleware.LoginRequiredMiddleware",
        ]
        assert self.flow(credentials) == [200, 200, 204, 401, 401, 401]

    def test_login_works_with_enforced_csrf_checks(self, api, credentials):
        client = APIClient(enforce_csrf_checks=True)
        answer = client.post("/auth/login/", credentials, format="json")
        assert answer.status_code == 200
