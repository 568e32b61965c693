"""The HTTP answers to users whom the project refuses."""

import pytest

from tests.api.second_factor.projects import FACTORS
from tests.factories import PASSWORD
from tests.refusals import WAYS, set_refused

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True, params=WAYS)
def _way(request, settings, options, monkeypatch):
    WAYS[request.param](settings, options, monkeypatch)


def code_of(response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_refused_user_gets_401_at_every_endpoint(api, pair, bearer, user):
    set_refused(user)
    refresh = {"refresh": pair.refresh}
    answers = [
        api.post("refresh/", refresh),
        api.get("sessions/", headers=bearer(pair)),
        api.get(f"sessions/{pair.session.pk}/", headers=bearer(pair)),
        api.post("sessions/branch/", refresh, headers=bearer(pair)),
        api.post("reauthenticate/", {"password": PASSWORD}, headers=bearer(pair)),
    ]
    assert {code_of(answer) for answer in answers} == {(401, "session_revoked")}


def test_refused_user_gets_answer_of_wrong_password(api, user):
    set_refused(user)
    credentials = {"username": user.get_username(), "password": PASSWORD}
    refused = api.post("login/", credentials)
    wrong = api.post("login/", {**credentials, "password": "wrong"})
    assert code_of(refused) == (401, "no_active_account")
    assert refused.json() == wrong.json()


def test_refused_user_cannot_finish_login(api, options, ada):
    options(SECOND_FACTORS=FACTORS)
    first = api.post("login/", {"username": "ada@example.org", "password": PASSWORD})
    set_refused(ada)
    second = api.post("login/verify/", {"ticket": first.json()["ticket"], "code": "314159"})
    assert code_of(second) == (401, "ticket_not_valid")


def test_refused_user_can_log_out(api, pair, user):
    set_refused(user)
    assert api.post("logout/", {"refresh": pair.refresh}).status_code == 204
    pair.session.refresh_from_db()
    assert pair.session.revoked_reason == "logout"
