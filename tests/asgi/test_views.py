"""Users of asynchronous views and middleware, without warnings."""

import pytest

from refresh_sessions.sessions import check_access_token
from tests.asgi import middleware
from tests.asgi.server import ask

pytestmark = pytest.mark.urls("tests.asgi.project")

CLASSES = (middleware.SyncMiddleware, middleware.AsyncMiddleware)


@pytest.fixture(params=["session", "cache", "stateless"], autouse=True)
def check(request, options, pair):
    options(ACCESS_TOKEN_CHECK=request.param)
    check_access_token(pair.access)


@pytest.mark.parametrize("path", ["/user-name/", "/name-from-auser/", "/rest-framework/user/"])
def test_view_under_uvicorn_gives_name_of_user(port, pair, user, path):
    answer = ask(port, path, access=pair.access)
    assert (answer.status, answer.body) == (200, {"user": user.get_username()})


def test_adrf_view_under_uvicorn_gives_name_of_user(port, pair, user):
    pytest.importorskip("adrf")
    answer = ask(port, "/adrf/user/", access=pair.access)
    assert (answer.status, answer.body) == (200, {"user": user.get_username()})


@pytest.mark.parametrize("kind", CLASSES)
def test_auser_of_middleware_gives_user_of_token(settings, serve, pair, user, kind):
    name = f"{kind.__module__}.{kind.__qualname__}"
    # Behind the middleware of Django, which is of both kinds.
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, name]
    with serve() as port:
        answer = ask(port, "/name-of-request/", access=pair.access)
    assert (answer.status, answer.body) == (200, {"user": user.get_username()})


def test_refresh_and_logout_under_uvicorn_succeed(port, pair):
    new = ask(port, "/refresh/", body={"refresh": pair.refresh})
    assert new.status == 200
    newest = ask(port, "/auth/refresh/", body={"refresh": new.body["refresh"]})
    assert newest.status == 200
    assert ask(port, "/auth/logout/", body={"refresh": newest.body["refresh"]}).status == 204
    refused = ask(port, "/refresh/", body={"refresh": newest.body["refresh"]})
    assert (refused.status, refused.body["code"]) == (401, "session_revoked")
