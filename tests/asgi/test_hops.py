"""Thread hops per request: no check adds more than one to those of Django and of the view."""

import pytest
from asgiref.sync import SyncToAsync
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from refresh_sessions import sessions
from refresh_sessions.sessions import check_access_token
from tests.asgi.hops import recorded_hops
from tests.asgi.server import ask
from tests.factories import make_pair
from tests.projects.test_tenants import named_tenant

pytestmark = pytest.mark.urls("tests.asgi.project")

ALL = ("session", "cache", "stateless")
LIFECYCLE = {"Signal.asend.<locals>.sync_send", "HttpResponseBase.close", "log_response"}
"""Calls with which Django begins, ends and logs each request, in part after the response."""


class Router:
    """A router that has no opinion."""


@pytest.fixture
def project(settings, options):
    """A project without Django's middleware, which takes hops of its own."""
    settings.MIDDLEWARE = []


@pytest.fixture
def hops(project, port, pair):
    """Return the hops of a successful request, without those of each request."""

    def get(path, status=200, access=pair.access):
        with recorded_hops() as names:
            answer = ask(port, path, access=access)
        assert answer.status == status
        return [name for name in names if name not in LIFECYCLE]

    return get


@pytest.fixture
def check(request, options, pair):
    options(ACCESS_TOKEN_CHECK=request.param)
    # Stores the snapshot of the check "cache".
    check_access_token(pair.access)
    return request.param


CHECK_AND_LOAD, CHECK, LOAD = "_check_and_load_user", "check_access_token", "load_user"


class TestPlainViews:
    def test_view_without_check_takes_no_hop(self, hops):
        assert hops("/bare/") == []

    @pytest.mark.parametrize("check", ALL, indirect=True)
    def test_check_with_user_takes_one_hop(self, check, hops):
        assert hops("/user-name/") == [CHECK_AND_LOAD]

    @pytest.mark.parametrize(
        ("check", "expected"),
        [("session", [CHECK]), ("cache", [CHECK]), ("stateless", [])],
        indirect=["check"],
    )
    def test_check_without_user_takes_hop_only_for_database_or_cache(self, check, hops, expected):
        assert hops("/user-key/") == expected

    @pytest.mark.parametrize(
        ("check", "expected"),
        [("session", [CHECK]), ("cache", [CHECK, LOAD]), ("stateless", [LOAD])],
        indirect=["check"],
    )
    def test_auser_takes_hop_only_for_user_not_loaded(self, check, hops, expected):
        assert hops("/name-from-auser/") == expected

    @pytest.mark.parametrize("check", ["stateless"], indirect=True)
    @pytest.mark.parametrize("access", ["", "x.y.z"])
    def test_refused_token_takes_no_hop_if_stateless(self, check, hops, access):
        assert hops("/user-key/", 401, access) == []


class TestRestFramework:
    @pytest.mark.parametrize("check", ALL, indirect=True)
    def test_authentication_takes_no_hop_of_its_own(self, check, hops):
        without = hops("/rest-framework/open/")
        # Django calls a synchronous view in a thread.
        assert len(without) == 2
        assert hops("/rest-framework/user/") == without

    @pytest.mark.parametrize("check", ALL, indirect=True)
    def test_authentication_in_adrf_takes_no_hop_of_its_own(self, check, hops):
        pytest.importorskip("adrf")
        without = hops("/adrf/open/")
        assert without == ["APIView.initial", "SimpleTemplateResponse.render"]
        assert hops("/adrf/user/") == without


class TestThreadsMatter:
    """State of the request's thread decides what a token means, so the check runs there."""

    @pytest.fixture(autouse=True)
    def _stateless(self, options):
        options(ACCESS_TOKEN_CHECK="stateless")

    def test_check_with_tenant_function_runs_in_thread(self, hops, options, user):
        options(TENANT=f"{named_tenant.__module__}.{named_tenant.__qualname__}")
        assert hops("/user-key/", access=make_pair(user).access) == [CHECK]

    def test_check_with_router_runs_in_thread(self, hops, settings):
        settings.DATABASE_ROUTERS = [f"{Router.__module__}.{Router.__qualname__}"]
        assert hops("/user-key/") == [CHECK]

    def test_check_with_schemas_runs_in_thread(self, hops, user, monkeypatch):
        monkeypatch.setattr(BaseDatabaseWrapper, "schema_name", "public", raising=False)
        assert hops("/user-key/", access=make_pair(user).access) == [CHECK]

    def test_check_with_other_user_field_runs_in_thread(self, hops, options, user):
        options(USER_ID_FIELD=type(user).USERNAME_FIELD)
        assert hops("/user-key/", access=make_pair(user).access) == [CHECK]

    def test_token_of_other_environment_is_checked_in_database(self, hops, options, pair, user):
        options(ENVIRONMENT="other")
        access = make_pair(user).access
        options(ENVIRONMENT="")
        assert hops("/user-key/", access=access) == [CHECK]


class TestSchemas:
    """A middleware selects the schema in the thread of the request, as in django-tenants."""

    @pytest.fixture
    def schemas(self, options, settings, monkeypatch):
        options(ACCESS_TOKEN_CHECK="stateless")
        settings.MIDDLEWARE = [f"{__name__}.berlin_middleware"]
        monkeypatch.setattr(BaseDatabaseWrapper, "schema_name", "public", raising=False)

    @pytest.mark.parametrize(("schema", "status"), [("berlin", 200), ("public", 401)])
    def test_token_is_valid_in_its_schema_only(self, schemas, user, schema, status, serve):
        connection.schema_name = schema
        access = make_pair(user).access
        del connection.schema_name
        with serve() as port:
            assert ask(port, "/user-key/", access=access).status == status


def berlin_middleware(get_response):
    def select_schema(request):
        connection.schema_name = "berlin"
        return get_response(request)

    return select_schema


def test_async_twins_take_one_call_in_the_thread_of_the_request():
    twins = {name: getattr(sessions, name) for name in sessions.__all__ if is_twin(name)}
    own = {name for name, twin in twins.items() if not isinstance(twin, SyncToAsync)}
    assert own == {"acheck_access_token"}
    assert all(twin._thread_sensitive for name, twin in twins.items() if name not in own)


def is_twin(name):
    return name[0] == "a" and name[1:] in sessions.__all__
