"""ASVS V7.2.4 and V7.5, sessions: re-authentication."""

from datetime import timedelta

import pytest
from django.urls import include, path
from rest_framework.decorators import api_view
from rest_framework.response import Response
from rest_framework.views import APIView

from refresh_sessions import presets
from refresh_sessions.rest_framework.permissions import (
    RecentlyAuthenticated,
    recently_authenticated,
)
from refresh_sessions.sessions import refresh_session
from tests.api.client import Client, problem
from tests.domain.client_actions import AFTER_OVERLAP, call, refused, session_of
from tests.factories import PASSWORD, make_pair
from tests.factors import CODE
from tests.standards.registry import deviates, passes

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

STALE = timedelta(minutes=5, seconds=1)
PASSWORD_ONLY = {"password": PASSWORD}
ALL_FACTORS = {**PASSWORD_ONLY, "code": CODE}
REQUIRED = (401, "reauthentication_required")


class ChangeEmail(APIView):
    """A sensitive operation of a project: the address for account recovery."""

    permission_classes = (RecentlyAuthenticated,)

    def post(self, request):
        return Response({"changed": True})


@api_view(["POST"])
@recently_authenticated(minutes=1, methods=("pwd", "otp"))
def transfer(request):
    return Response({"paid": True})


urlpatterns = [
    path("auth/change-email/", ChangeEmail.as_view()),
    path("auth/transfer/", transfer),
    path("auth/", include("refresh_sessions.urls")),
]


@pytest.fixture
def second_factor(options):
    options(SECOND_FACTORS=("tests.factors.Code",))


@pytest.fixture
def send():
    """Return a function that sends a POST request and returns the code of the refusal, or "ok"."""
    raw = Client().raw

    def post(to, access, body=None):
        headers = {"authorization": f"Bearer {access}"}
        answer = raw.post(f"/auth/{to}", body, headers=headers, format="json")
        return "ok" if answer.status_code < 400 else problem(answer)

    return post


def reauthenticate(api, access, factors):
    answer = api.post("reauthenticate/", factors, access=access)
    assert answer.status_code == 200, answer.json()
    return answer.json()


@deviates(
    "ASVS 7.2.4",
    "Each login and each re-authentication issues new tokens and invalidates the old ones.",
    why="The old tokens are never accepted for a sensitive action, but become invalid only once "
    "the new ones were seen in use, or for an access token when it expires: the response may "
    "have been lost. With the cookie transport a login revokes the session whose cookie it "
    "replaces.",
    letter=presets.STRICT,
    remedy="`**presets.STRICT`",
)
def test_asvs_7_2_4_reauthentication_issues_new_tokens(by_letter, api, pair, send, clock, options):
    clock.move(STALE)
    renewed = reauthenticate(api, pair.access, PASSWORD_ONLY)
    assert {renewed["access"], renewed["refresh"]}.isdisjoint({pair.access, pair.refresh})
    refusal = (401, "token_not_valid/token_superseded")
    assert send("sessions/revoke-others/", pair.access) == (refusal if by_letter else REQUIRED)
    assert call(pair) == ("token_not_valid/token_superseded" if by_letter else "ok")
    if not by_letter:
        # After the first use of the new tokens the next refresh supersedes the old ones.
        assert send("sessions/revoke-others/", renewed["access"]) == "ok"
        clock.move(AFTER_OVERLAP)
        assert refresh_session(renewed["refresh"]).refresh
        assert call(pair) == "token_not_valid/token_superseded"
    assert refused(pair.refresh) == "session_revoked"

    options(TRANSPORT="cookie")
    credentials = {"username": pair.session.user.get_username(), **PASSWORD_ONLY}
    first = api.post("login/", credentials).json()
    second = api.post("login/", credentials).json()
    assert send("sessions/revoke-others/", first["access"]) == (401, "session_revoked")
    assert send("sessions/revoke-others/", second["access"]) == "ok"


@passes(
    "ASVS 7.5.1",
    "`RecentlyAuthenticated` requires an authentication, at most five minutes ago, with all "
    "factors of the user; a password alone is not enough if a second factor is set up.",
)
def test_asvs_7_5_1_sensitive_change_requires_all_factors(api, second_factor, ada, send, clock):
    pair = make_pair(ada, methods=("pwd", "otp"))
    assert send("change-email/", pair.access) == "ok"
    clock.move(STALE)
    assert send("change-email/", pair.access) == REQUIRED
    refreshed = refresh_session(pair.refresh).access
    assert send("change-email/", refreshed) == REQUIRED
    assert send("reauthenticate/", refreshed, PASSWORD_ONLY) == (400, "proof_incomplete")
    wrong = {**ALL_FACTORS, "code": "000000"}
    assert send("reauthenticate/", refreshed, wrong) == (401, "reauthentication_failed")
    assert send("change-email/", refreshed) == REQUIRED
    assert send("change-email/", reauthenticate(api, refreshed, ALL_FACTORS)["access"]) == "ok"
    # The authentication is recent, but lacks the factor that was set up since.
    assert send("change-email/", make_pair(ada, methods=("pwd",)).access) == REQUIRED


@passes(
    "ASVS 7.5.2",
    "`GET sessions/` lists them; revoking another one, or all, requires re-authentication, "
    "logging out does not.",
)
@pytest.mark.parametrize(
    "way", ["sessions/{}/", "sessions/revoke-others/", "sessions/revoke-all/"]
)
def test_asvs_7_5_2_revocation_of_other_sessions_requires_reauthentication(api, user, clock, way):
    mine, other = make_pair(user), make_pair(user)
    clock.move(STALE)
    listed = api.get("sessions/", access=mine.access).json()
    assert {session["id"] for session in listed} == {
        *(str(pair.session.pk) for pair in (mine, other)),
    }
    method, to = "delete" if "{" in way else "post", way.format(other.session.pk)
    assert problem(api.request(method, to, access=mine.access)) == REQUIRED
    assert call(other) == "ok"
    renewed = reauthenticate(api, mine.access, PASSWORD_ONLY)["access"]
    assert api.request(method, to, access=renewed).status_code in {200, 204}
    assert call(other) == "session_revoked"
    third = make_pair(user)
    clock.move(STALE)
    assert api.delete(f"sessions/{third.session.pk}/", access=third.access).status_code == 204
    assert session_of(third).revoked_reason == "logout"


@passes(
    "ASVS 7.5.3",
    "A view, or a function of it, can require more: `@recently_authenticated(minutes=1, "
    'methods=("pwd", "otp"))`.',
)
def test_asvs_7_5_3_highly_sensitive_operation_requires_stricter_authentication(
    api, second_factor, ada, send, clock
):
    pair = make_pair(ada, methods=("pwd", "otp"))
    assert send("transfer/", pair.access) == "ok"
    clock.move(timedelta(minutes=1, seconds=1))
    # Recent enough for other operations.
    assert send("change-email/", pair.access) == "ok"
    assert send("transfer/", pair.access) == REQUIRED
    assert send("transfer/", reauthenticate(api, pair.access, ALL_FACTORS)["access"]) == "ok"
    # Users without a second factor can never meet this requirement.
    weaker = make_pair(methods=("pwd",))
    assert send("transfer/", weaker.access) == REQUIRED
    assert (
        send("transfer/", reauthenticate(api, weaker.access, PASSWORD_ONLY)["access"]) == REQUIRED
    )
