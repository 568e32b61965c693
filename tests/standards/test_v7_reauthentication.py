"""ASVS V7.2.4 and V7.5, sessions: what a new proof of identity is for, and what it changes."""

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
from tests.domain.stories import AFTER_OVERLAP, call, refused, session_of
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.factors import CODE
from tests.standards.registry import deviates, passes

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

STALE = timedelta(minutes=5, seconds=1)
PROOF = {"password": PASSWORD}
FULL_PROOF = {**PROOF, "code": CODE}
REQUIRED = (401, "reauthentication_required")


class ChangeEmail(APIView):
    """What a project protects: an address by which an account can be recovered."""

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
def ada(db, options):
    """Somebody with a second factor."""
    options(SECOND_FACTORS=("tests.factors.Code",))
    return UserFactory(username="ada@example.org")


@pytest.fixture
def send():
    """POST, and say what was answered: the code of a refusal, or "ok"."""
    raw = Client().raw

    def post(to, access, body=None):
        headers = {"authorization": f"Bearer {access}"}
        answer = raw.post(f"/auth/{to}", body, headers=headers, format="json")
        return "ok" if answer.status_code < 400 else problem(answer)

    return post


def prove(api, access, proof):
    answer = api.post("reauthenticate/", proof, access=access)
    assert answer.status_code == 200, answer.json()
    return answer.json()


@deviates(
    "ASVS 7.2.4",
    "Each sign-in and each new proof of identity gives new tokens, and those before are dead.",
    why="They never count for anything sensitive again, but are dead only once the new ones have "
    "been seen in use, or for an access token when it expires: the answer may have been lost. "
    "With the cookie transport a sign-in ends the session whose cookie it replaces.",
    letter=presets.STRICT,
    remedy="`**presets.STRICT`",
)
def test_asvs_7_2_4_a_new_proof_means_new_tokens(by_letter, api, pair, send, clock, options):
    clock.move(STALE)
    proven = prove(api, pair.access, PROOF)
    assert {proven["access"], proven["refresh"]}.isdisjoint({pair.access, pair.refresh})
    dead = (401, "token_not_valid/token_superseded")
    assert send("sessions/revoke-others/", pair.access) == (dead if by_letter else REQUIRED)
    assert call(pair) == ("token_not_valid/token_superseded" if by_letter else "ok")
    if not by_letter:
        # Once the new ones are seen in use, the next exchange leaves nothing of those before.
        assert send("sessions/revoke-others/", proven["access"]) == "ok"
        clock.move(AFTER_OVERLAP)
        assert refresh_session(proven["refresh"]).refresh
        assert call(pair) == "token_not_valid/token_superseded"
    assert refused(pair.refresh) == "session_revoked"

    options(TRANSPORT="cookie")
    credentials = {"username": pair.session.user.get_username(), **PROOF}
    first = api.post("login/", credentials).json()
    second = api.post("login/", credentials).json()
    assert send("sessions/revoke-others/", first["access"]) == (401, "session_revoked")
    assert send("sessions/revoke-others/", second["access"]) == "ok"


@passes(
    "ASVS 7.5.1",
    "`RecentlyAuthenticated` lets pass who has proven, five minutes ago at most, all kinds of "
    "factor that they have; a password alone is not enough where there is a second one.",
)
def test_asvs_7_5_1_sensitive_attributes_take_a_full_proof(api, ada, send, clock):
    pair = make_pair(ada, methods=("pwd", "otp"))
    assert send("change-email/", pair.access) == "ok"
    clock.move(STALE)
    assert send("change-email/", pair.access) == REQUIRED
    refreshed = refresh_session(pair.refresh).access
    assert send("change-email/", refreshed) == REQUIRED
    assert send("reauthenticate/", refreshed, PROOF) == (400, "proof_incomplete")
    wrong = {**FULL_PROOF, "code": "000000"}
    assert send("reauthenticate/", refreshed, wrong) == (401, "reauthentication_failed")
    assert send("change-email/", refreshed) == REQUIRED
    assert send("change-email/", prove(api, refreshed, FULL_PROOF)["access"]) == "ok"
    # As fresh as can be, but without the factor that has been set up meanwhile.
    assert send("change-email/", make_pair(ada, methods=("pwd",)).access) == REQUIRED


@passes(
    "ASVS 7.5.2",
    "`GET sessions/` lists them; ending another one, or all, takes a fresh proof of identity, and "
    "signing out oneself none.",
)
@pytest.mark.parametrize(
    "way", ["sessions/{}/", "sessions/revoke-others/", "sessions/revoke-all/"]
)
def test_asvs_7_5_2_ending_other_sessions_takes_a_proof(api, user, clock, way):
    mine, other = make_pair(user), make_pair(user)
    clock.move(STALE)
    listed = api.get("sessions/", access=mine.access).json()
    assert {session["id"] for session in listed} == {
        *(str(pair.session.pk) for pair in (mine, other)),
    }
    method, to = "delete" if "{" in way else "post", way.format(other.session.pk)
    assert problem(api.request(method, to, access=mine.access)) == REQUIRED
    assert call(other) == "ok"
    proven = prove(api, mine.access, PROOF)["access"]
    assert api.request(method, to, access=proven).status_code in {200, 204}
    assert call(other) == "session_revoked"
    third = make_pair(user)
    clock.move(STALE)
    assert api.delete(f"sessions/{third.session.pk}/", access=third.access).status_code == 204
    assert session_of(third).revoked_reason == "logout"


@passes(
    "ASVS 7.5.3",
    "A view, or one function of it, can ask for more: `@recently_authenticated(minutes=1, "
    'methods=("pwd", "otp"))`.',
)
def test_asvs_7_5_3_highly_sensitive_operations_take_more(api, ada, send, clock):
    pair = make_pair(ada, methods=("pwd", "otp"))
    assert send("transfer/", pair.access) == "ok"
    clock.move(timedelta(minutes=1, seconds=1))
    # Fresh enough for other things.
    assert send("change-email/", pair.access) == "ok"
    assert send("transfer/", pair.access) == REQUIRED
    assert send("transfer/", prove(api, pair.access, FULL_PROOF)["access"]) == "ok"
    # Who has no second factor can prove what they like: this takes one.
    weaker = make_pair(methods=("pwd",))
    assert send("transfer/", weaker.access) == REQUIRED
    assert send("transfer/", prove(api, weaker.access, PROOF)["access"]) == REQUIRED
