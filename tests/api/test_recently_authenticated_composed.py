"""``RecentlyAuthenticated`` among other permissions, on viewsets, and where it cannot work."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.urls import path
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.decorators import action, api_view
from rest_framework.exceptions import APIException
from rest_framework.permissions import SAFE_METHODS, AllowAny, BasePermission, IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from refresh_sessions.rest_framework.permissions import (
    RecentlyAuthenticated,
    recently_authenticated,
)
from refresh_sessions.sessions import refresh_session, revoke_session
from tests.api.client import problem
from tests.factories import PASSWORD, make_pair

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

STALE = timedelta(minutes=5, seconds=1)
REQUIRED = (401, "reauthentication_required")
NOBODY = (401, "not_authenticated")


class IsSafe(BasePermission):
    def has_permission(self, request, view):
        return request.method in SAFE_METHODS

    # The default of DRF would let every object pass, and with it whatever the other one refuses.
    def has_object_permission(self, request, view, obj):
        return self.has_permission(request, view)


class Answer(APIView):
    def get(self, request):
        self.check_object_permissions(request, object())
        return Response({"done": True})

    post = get


class SafeOrProven(Answer):
    permission_classes = (IsSafe | RecentlyAuthenticated,)


class ProvenOrSafe(Answer):
    permission_classes = (RecentlyAuthenticated | IsSafe,)


class Both(Answer):
    permission_classes = (RecentlyAuthenticated & IsAuthenticated,)


class Negated(Answer):
    permission_classes = (~RecentlyAuthenticated,)


class ByDjango(Answer):
    """Signed in, but by no token of ours."""

    authentication_classes = (BasicAuthentication, SessionAuthentication)
    permission_classes = (RecentlyAuthenticated,)


class Things(ViewSet):
    permission_classes = (IsAuthenticated,)

    @action(detail=False, methods=["post"], permission_classes=[RecentlyAuthenticated])
    def burn(self, request):
        return Response({"done": True})

    @action(detail=False, methods=["post"])
    @recently_authenticated()
    def sink(self, request, *args, **kwargs):
        return Response({"done": True})

    def get_permissions(self):
        return [AllowAny()] if self.action == "sink" else super().get_permissions()


@recently_authenticated()
@api_view(["POST"])
def upside_down(request):
    return Response({"done": True})


@recently_authenticated()
async def coroutine(request):
    return Response({"done": True})


urlpatterns = [
    path("safe-or-proven/", SafeOrProven.as_view()),
    path("proven-or-safe/", ProvenOrSafe.as_view()),
    path("both/", Both.as_view()),
    path("negated/", Negated.as_view()),
    path("by-django/", ByDjango.as_view()),
    path("burn/", Things.as_view({"post": "burn"}, **Things.burn.kwargs)),
    path("sink/", Things.as_view({"post": "sink"})),
    path("upside-down/", upside_down),
]


@pytest.fixture
def send(client, bearer):
    """POST or GET, and say what was answered."""

    def ask(name, pair=None, method="post"):
        answer = getattr(client, method)(f"/{name}/", headers=bearer(pair) if pair else {})
        return "ok" if answer.status_code == 200 else problem(answer)

    return ask


class TestOperators:
    @pytest.mark.parametrize("name", ["safe-or-proven", "proven-or-safe", "both"])
    def test_a_fresh_proof_passes_and_no_other(self, send, pair, clock, name):
        assert send(name, pair) == "ok"
        clock.move(STALE)
        assert send(name, pair) == REQUIRED
        assert send(name) == NOBODY

    def test_after_or_it_is_asked_only_of_whom_the_other_refuses(self, send, pair, clock):
        clock.move(STALE)
        assert send("safe-or-proven", pair, "get") == "ok"
        assert send("safe-or-proven", method="get") == "ok"

    def test_before_or_it_is_asked_of_everybody(self, send, pair, clock):
        """It raises the challenge, which REST framework lets nobody overrule."""
        clock.move(STALE)
        assert send("proven-or-safe", pair, "get") == REQUIRED

    def test_its_opposite_lets_nobody_pass(self, send, pair, clock):
        assert send("negated", pair) == (403, "permission_denied")
        clock.move(STALE)
        assert send("negated", pair) == REQUIRED
        assert send("negated") == NOBODY


@pytest.mark.parametrize("name", ["burn", "sink"])
def test_actions_of_viewsets(send, pair, clock, name):
    assert send(name, pair) == "ok"
    clock.move(STALE)
    assert send(name, pair) == REQUIRED
    assert send(name) == NOBODY


class TestOtherSignIns:
    def test_basic(self, client, user):
        client.credentials(HTTP_AUTHORIZATION="")
        assert client.login(**{type(user).USERNAME_FIELD: user.get_username()}, password=PASSWORD)
        assert problem(client.post("/by-django/")) == NOBODY

    def test_forced_by_a_test(self, client, user):
        client.force_authenticate(user)
        assert problem(client.post("/both/")) == NOBODY


def test_where_no_request_of_rest_framework_arrives_it_says_so(client, bearer, pair):
    with pytest.raises(TypeError, match="put @recently_authenticated below @api_view"):
        client.post("/upside-down/", headers=bearer(pair))


class TestCoroutines:
    """REST framework has no asynchronous views; packages beside it do."""

    @pytest.fixture
    def call(self, pair, rf, bearer):
        """As such a package calls it."""

        def await_it():
            view = Both()
            request = view.initialize_request(rf.post("/", headers=bearer(pair)))
            request.parser_context["view"] = view
            return async_to_sync(coroutine)(request).data

        return await_it

    def test_are_guarded(self, call, clock):
        assert call() == {"done": True}
        clock.move(STALE)
        with pytest.raises(APIException) as refused:
            call()
        assert (refused.value.status_code, refused.value.get_codes()["code"]) == REQUIRED


class TestTokens:
    """Fresh as the proof may be: the token has to be good, and the one that tells of it."""

    @pytest.fixture(autouse=True)
    def _checks(self, options):
        options(ACCESS_TOKEN_CHECK="stateless", ACCESS_TOKEN_LIFETIME=timedelta(days=2))

    def test_of_an_ended_session(self, send, pair):
        revoke_session(pair.session, reason="user")
        assert send("both", pair) == (401, "session_revoked")

    def test_of_a_deactivated_user(self, send, pair, user):
        type(user).objects.filter(pk=user.pk).update(is_active=False)
        assert send("both", pair) == (401, "session_revoked")

    def test_of_a_session_past_its_limits(self, send, user, clock, options):
        for limits in (
            {"REFRESH_TOKEN_LIFETIME": timedelta(minutes=1)},
            {"SESSION_LIFETIME": timedelta(minutes=1), "LEEWAY": timedelta(hours=1)},
        ):
            options(**limits)
            pair = make_pair(user)
            clock.move(timedelta(minutes=1))
            assert send("both", pair) == (401, "token_not_valid/token_expired")

    def test_of_another_session_of_the_same_user(self, send, pair, user, clock):
        clock.move(STALE)
        assert send("both", make_pair(user)) == "ok"
        assert send("both", pair) == REQUIRED

    def test_of_the_generation_before(self, send, pair, clock):
        new = refresh_session(pair.refresh)
        assert send("both", new) == "ok"
        assert send("both", pair) == "ok"
        for _ in range(2):
            clock.move(timedelta(seconds=11))
            new = refresh_session(new.refresh)
        assert send("both", pair) == (401, "token_not_valid/token_superseded")
        assert send("both", new) == "ok"
