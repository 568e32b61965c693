"""The check that a project accepts its access tokens, with URLconfs of all kinds."""

from types import ModuleType

import pytest
from django.core.checks import run_checks
from django.http import HttpResponse
from django.urls import include, path
from rest_framework.authentication import SessionAuthentication
from rest_framework.routers import SimpleRouter
from rest_framework.schemas import get_schema_view
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from refresh_sessions.rest_framework.authentication import AccessTokenAuthentication
from refresh_sessions.rest_framework.views import LoginView
from tests.checks import urls_no_auth
from tests.checks.finding import found, ids

OURS = path("auth/", include("refresh_sessions.urls"))
DEAF = path("me/", urls_no_auth.me)


class Either(AccessTokenAuthentication):
    """An authentication class of the project."""


class Plain(APIView):
    authentication_classes = (SessionAuthentication,)


class Choosing(Plain):
    def get_authenticators(self):
        return [AccessTokenAuthentication()]


class Open(APIView):
    authentication_classes = ()


class Login(LoginView):
    """An endpoint of the package that the project changed."""


class Cards(ViewSet):
    authentication_classes = (SessionAuthentication,)

    def list(self, request): ...


class OurCards(ViewSet):
    authentication_classes = (SessionAuthentication, AccessTokenAuthentication)

    def list(self, request): ...


def routed(viewset):
    router = SimpleRouter()
    router.register("cards", viewset, basename="cards")
    return path("api/", include(router.urls))


@pytest.fixture
def urlconf(settings):
    def use(*patterns):
        module = ModuleType("urlconf")
        module.urlpatterns = list(patterns)
        settings.ROOT_URLCONF = module

    return use


@pytest.mark.parametrize(
    "patterns",
    [
        [OURS, DEAF],
        [OURS, path("<str:version>/", include([path("x/", include([DEAF]))]))],
        [OURS, path("plain/", Plain.as_view())],
        [OURS, path("open/", Open.as_view()), DEAF],
        [OURS, routed(Cards)],
        [path("login/", Login.as_view()), DEAF],
    ],
    ids=["first view", "nested", "class", "beside an open one", "viewset", "a login of its own"],
)
def test_project_without_view_accepting_tokens_is_warned(urlconf, patterns):
    urlconf(*patterns)
    assert ids() == ["W021"]


@pytest.mark.parametrize(
    "patterns",
    [
        [DEAF],
        [OURS],
        [OURS, path("open/", Open.as_view())],
        [OURS, path("page/", lambda request: HttpResponse())],
        [OURS, path("schema/", get_schema_view(title="API"))],
        [OURS, DEAF, path("x/", Plain.as_view(authentication_classes=[Either]))],
        [OURS, DEAF, path("choosing/", Choosing.as_view())],
        [OURS, DEAF, routed(OurCards)],
    ],
    ids=[
        *("no endpoints of ours", "no view at all", "an open view", "a page", "a schema"),
        *("as_view", "chosen per request", "viewset"),
    ],
)
def test_project_with_view_accepting_tokens_is_not_warned(urlconf, patterns):
    urlconf(*patterns)
    assert ids() == []


def test_default_authentication_class_is_not_warned(urlconf, settings):
    urlconf(OURS, DEAF)
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [f"{__name__}.Either"]}
    assert ids() == []


def test_empty_default_authentication_classes_are_warned_about(urlconf, settings, monkeypatch):
    class Me(APIView):
        """Inherits the authentication classes from the setting."""

    monkeypatch.setattr(APIView, "authentication_classes", nothing := [])
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": nothing}
    urlconf(OURS, path("me/", Me.as_view()))
    assert ids() == ["W021"]


def test_project_without_urlconf_is_not_warned(settings):
    settings.ROOT_URLCONF = None
    assert ids() == []
    del settings.ROOT_URLCONF
    assert ids() == []


def test_view_warning_is_reported_without_deploy_unless_silenced(urlconf, settings):
    urlconf(OURS, DEAF)
    told = run_checks(tags=["refresh_sessions"])
    assert [message.id for message in told] == ["refresh_sessions.W021"]
    assert "tests.checks.urls_no_auth.me" in told[0].msg
    assert "AccessTokenAuthentication" in str(told[0].hint)
    settings.SILENCED_SYSTEM_CHECKS = ["refresh_sessions.W021"]
    assert told[0].is_silenced()


def test_malformed_settings_suppress_view_warning(urlconf, settings):
    urlconf(OURS, DEAF)
    settings.REFRESH_SESSIONS = {"ISSUR": "shop"}
    assert [str(message.id) for message in found()] == ["refresh_sessions.E001"]
