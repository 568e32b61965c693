"""``RecentlyAuthenticated`` on project views."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.urls import path
from rest_framework.authentication import SessionAuthentication
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from refresh_sessions.rest_framework.authentication import AccessTokenAuthentication
from refresh_sessions.rest_framework.permissions import (
    RecentlyAuthenticated,
    recently_authenticated,
)
from refresh_sessions.sessions import (
    check_access_token,
    reauthenticate_session,
    refresh_session,
    revoke_session,
)
from tests.api.client import problem
from tests.factories import make_pair

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

CHALLENGE = 'Bearer realm="api", error="insufficient_user_authentication", max_age="{age}"'


class Plain(APIView):
    permission_classes = (RecentlyAuthenticated,)

    def post(self, request):
        return Response({"done": True})


class Minute(Plain):
    permission_classes = (RecentlyAuthenticated.within(minutes=1),)


class ByAttribute(Plain):
    reauthentication_max_age = timedelta(hours=1)


class Strong(Plain):
    permission_classes = (RecentlyAuthenticated.within(methods=("pwd", "otp")),)


class Named(Plain):
    permission_classes = (
        RecentlyAuthenticated.within(minutes=1, methods=("otp",), acr_values="urn:example:two"),
    )


class OtherFirst(Plain):
    """REST framework takes the header of a 401 from the first authenticator alone."""

    authentication_classes = (SessionAuthentication, AccessTokenAuthentication)


class WithoutHandler(Plain):
    """A project that does not use the package's exception handler."""

    def get_exception_handler(self):
        from rest_framework.views import exception_handler  # noqa: PLC0415

        return exception_handler


class Combined(APIView):
    permission_classes = (IsAuthenticated & RecentlyAuthenticated.within(minutes=5),)

    def post(self, request):
        return Response({"done": True})


class OneMethod(APIView):
    permission_classes = (IsAuthenticated,)

    def get(self, request):
        return Response({"done": True})

    @recently_authenticated(minutes=1)
    def post(self, request):
        return Response({"done": True})


@api_view(["POST"])
@recently_authenticated(minutes=1)
@permission_classes([AllowAny])
def function(request):
    return Response({"done": True})


@api_view(["POST"])
@permission_classes([AllowAny])
@recently_authenticated(minutes=1)
def other_order(request):
    return Response({"done": True})


urlpatterns = [
    path("plain/", Plain.as_view()),
    path("minute/", Minute.as_view()),
    path("by-attribute/", ByAttribute.as_view()),
    path("strong/", Strong.as_view()),
    path("named/", Named.as_view()),
    path("other-first/", OtherFirst.as_view()),
    path("without-handler/", WithoutHandler.as_view()),
    path("combined/", Combined.as_view()),
    path("one-method/", OneMethod.as_view()),
    path("function/", function),
    path("other-order/", other_order),
]


@pytest.fixture
def post(client, bearer):
    def send(name, pair=None):
        return client.post(f"/{name}/", headers=bearer(pair) if pair else {})

    return send


@pytest.mark.parametrize(
    ("name", "age"),
    [
        ("plain", 300),
        ("minute", 60),
        ("by-attribute", 3600),
        ("other-first", 300),
        ("without-handler", 300),
        ("one-method", 60),
        ("function", 60),
        ("other-order", 60),
    ],
)
class TestAge:
    @pytest.fixture(autouse=True)
    def _long_lived(self, options):
        options(ACCESS_TOKEN_LIFETIME=timedelta(hours=2))

    def test_permission_within_max_age_is_granted(self, clock, post, pair, name, age):
        clock.move(timedelta(seconds=age))
        assert post(name, pair).json() == {"done": True}

    def test_permission_beyond_max_age_is_401(self, clock, post, pair, name, age):
        clock.move(timedelta(seconds=age, microseconds=1))
        answer = post(name, pair)
        assert problem(answer) == (401, "reauthentication_required")
        assert answer["WWW-Authenticate"] == CHALLENGE.format(age=age)

    def test_permission_after_reauthentication_is_granted(self, clock, post, pair, name, age):
        clock.move(timedelta(seconds=age + 1))
        new = reauthenticate_session(check_access_token(pair.access), methods=("pwd",))
        assert post(name, new).status_code == 200
        assert post(name, pair).status_code == 401

    def test_permission_without_token_is_401(self, post, name, age, db):
        answer = post(name)
        assert problem(answer) == (401, "not_authenticated")
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_permission_with_django_session_is_401(client, user):
    client.force_login(user)
    answer = client.post("/other-first/", HTTP_X_CSRFTOKEN="")
    assert problem(answer) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


class TestMethods:
    def test_permission_requires_each_method(self, post, user):
        for methods, status in (
            ((), 401),
            (("pwd",), 401),
            (("otp",), 401),
            (("pwd", "otp"), 200),
            (("otp", "pwd", "hwk"), 200),
        ):
            assert post("strong", make_pair(user, methods=methods)).status_code == status

    def test_permission_challenge_names_methods(self, post, user):
        answer = post("strong", make_pair(user, methods=("pwd",)))
        assert answer["WWW-Authenticate"].endswith('max_age="300", acr_values="pwd otp"')

    def test_permission_challenge_has_acr_values_of_view(self, post, user):
        answer = post("named", make_pair(user, methods=("pwd",)))
        assert answer["WWW-Authenticate"].endswith('max_age="60", acr_values="urn:example:two"')
        assert post("named", make_pair(user, methods=("otp",))).status_code == 200


class TestDatabase:
    @pytest.mark.parametrize("check", ["session", "cache", "stateless"])
    def test_permission_reads_auth_time_of_database_with_each_check(
        self, post, pair, options, check
    ):
        options(ACCESS_TOKEN_CHECK=check)
        assert post("plain", pair).status_code == 200
        # Reset the auth_time in the database, which no token contains.
        type(pair.family).objects.update(authenticated_at=None)
        assert problem(post("plain", pair)) == (401, "reauthentication_required")

    @pytest.mark.parametrize("check", ["cache", "stateless"])
    def test_permission_of_revoked_session_is_401_with_each_check(
        self, post, pair, options, check
    ):
        options(ACCESS_TOKEN_CHECK=check)
        assert post("plain", pair).status_code == 200
        revoke_session(pair.session, reason="user")
        assert problem(post("plain", pair)) == (401, "session_revoked")

    @pytest.mark.parametrize(("check", "queries"), [("session", 1), ("stateless", 1)])
    def test_permission_takes_fixed_number_of_queries(
        self, post, pair, options, django_assert_num_queries, check, queries
    ):
        options(ACCESS_TOKEN_CHECK=check)
        with django_assert_num_queries(queries):
            post("plain", pair)

    def test_permission_after_recovery_is_401(self, post, pair, clock):
        refresh_session(pair.refresh)
        clock.move(timedelta(seconds=11))
        assert post("plain", refresh_session(pair.refresh)).status_code == 401


class TestWithin:
    def test_permission_class_is_cached_per_arguments(self):
        assert RecentlyAuthenticated.within(minutes=5) is RecentlyAuthenticated.within(seconds=300)
        assert RecentlyAuthenticated.within(minutes=5) is not RecentlyAuthenticated.within(hours=5)

    def test_permission_class_can_be_combined(self, post, pair, clock):
        assert post("combined", pair).status_code == 200
        clock.move(timedelta(minutes=6))
        answer = post("combined", pair)
        assert problem(answer) == (401, "reauthentication_required")

    def test_permission_without_duration_follows_settings(self):
        with override_settings(REFRESH_SESSIONS={"REAUTHENTICATION_MAX_AGE": timedelta(hours=1)}):
            assert RecentlyAuthenticated.within(methods=("otp",)).max_age is None
