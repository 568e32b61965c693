"""POST login/ and POST login/verify/ for users who have a second factor."""

from datetime import timedelta

import pytest
from django.contrib.auth.signals import user_logged_in
from django.core import signing

from refresh_sessions.models import DeviceSession, SignInTicket
from refresh_sessions.tokens import access_tokens
from tests.api.client import Client, problem
from tests.api.second_factor.projects import FACTORS
from tests.factories import PASSWORD, UserFactory
from tests.factors import CODE
from tests.listeners import heard

pytestmark = pytest.mark.django_db


class TestFirstStep:
    def test_asks_for_the_second(self, ada, ask, clock):
        answer = ask()
        assert problem(answer) == (401, "mfa_required")
        body = answer.json()
        assert set(body) == {"detail", "code", "ticket", "methods", "expires_at"}
        assert body["methods"] == [{"name": "code", "factor": "second"}]
        expires_at = (clock.now + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert body["expires_at"] == expires_at

    def test_starts_no_session_and_signs_nobody_in(self, ada, ask):
        with heard(user_logged_in) as signed_in:
            ask()
        assert signed_in == []
        assert not DeviceSession.objects.exists()

    def test_a_wrong_password_is_told_as_ever(self, ada, ask):
        assert problem(ask(password="wrong")) == (401, "no_active_account")
        assert not SignInTicket.objects.exists()

    def test_who_has_no_second_factor_signs_in_at_once(self, user, ask):
        assert ask(user.get_username()).status_code == 200

    def test_nobody_is_asked_where_none_is_configured(self, ada, ask, options):
        options(SECOND_FACTORS=())
        assert ask().status_code == 200

    def test_the_ticket_shows_no_secret_and_the_row_has_no_ticket(self, ada, ticket):
        assert PASSWORD not in str(signing.loads(ticket, salt="refresh_sessions.sign_in_ticket"))
        row = SignInTicket.objects.get()
        assert row.digest not in ticket
        assert row.user == ada


class TestSecondStep:
    def test_answers_as_login_does(self, user, ask, ticket, verify):
        answer = verify(ticket, code=CODE)
        assert answer.status_code == 200
        body = answer.json()
        assert set(body) == set(ask(user.get_username()).json())
        assert body["session"]["name"] == "Phone"
        assert access_tokens.verify(body["access"]).authentication_methods == ("pwd", "otp")

    def test_signs_in_once_with_all_that_goes_with_it(self, ada, ticket, verify):
        with heard(user_logged_in) as signed_in:
            verify(ticket, code=CODE)
        assert [told["user"] for told in signed_in] == [ada]
        (session,) = DeviceSession.objects.all()
        assert list(session.events.values_list("kind", flat=True)) == ["signed_in"]
        ada.refresh_from_db()
        assert ada.last_login is not None

    def test_may_name_the_device(self, ticket, verify):
        body = verify(ticket, code=CODE, device_name="Better name").json()
        assert body["session"]["name"] == "Better name"

    def test_the_first_steps_data_reaches_the_policy(self, ada, ask, verify, options):
        project = "tests.api.second_factor.projects"
        options(
            LOGIN_SERIALIZER=f"{project}.RememberSerializer", POLICY=f"{project}.RememberPolicy"
        )
        for remember_me, days in ((True, 30), (False, 1)):
            ticket = ask(remember_me=remember_me).json()["ticket"]
            # What is sent along with the second step cannot change it.
            body = verify(ticket, code=CODE, remember_me=True).json()
            session = DeviceSession.objects.get(pk=body["session"]["id"])
            assert session.expires_at - session.created_at == timedelta(days=days)

    def test_its_proof_is_full(self, api, ticket, verify, options):
        options(SECOND_FACTORS=FACTORS)
        body = verify(ticket, code=CODE).json()
        asked = api.get("reauthenticate/", access=body["access"]).json()
        assert asked["required"] is False
        assert [method["name"] for method in asked["methods"]] == ["password", "code"]

    def test_any_of_two_factors_will_do(self, ada, ask, verify, options):
        options(SECOND_FACTORS=("tests.factors.Code", "tests.factors.Key"))
        answer = ask()
        assert [method["name"] for method in answer.json()["methods"]] == ["code", "key"]
        body = verify(answer.json()["ticket"], key="turned").json()
        assert access_tokens.verify(body["access"]).authentication_methods == ("pwd", "hwk")

    def test_in_cookie_mode(self, ada, ask, verify, options):
        options(TRANSPORT="cookie")
        client = Client()
        answer = ask(client=client)
        assert answer.cookies == {}
        answer = verify(answer.json()["ticket"], client=client, code=CODE)
        assert "refresh" not in answer.json()
        assert answer.cookies["__Host-refresh_token"].value


class TestThrottle:
    def test_another_ticket_is_no_new_start(self, ada, ask, verify):
        tickets = [ask().json()["ticket"] for _ in range(2)]
        wrong = [verify(tickets[n % 2], code="000000").status_code for n in range(5)]
        assert wrong == [401] * 5
        assert problem(verify(tickets[0], code=CODE)) == (429, "throttled")
        # And nobody's first step is affected.
        assert problem(ask()) == (401, "mfa_required")

    def test_per_account(self, ada, ask, verify, with_second_factor):
        ticket = ask().json()["ticket"]
        for _ in range(6):
            verify(ticket, code="000000")
        other = with_second_factor(UserFactory()).get_username()
        assert verify(ask(other).json()["ticket"], code=CODE).status_code == 200


def test_a_session_by_two_steps_is_a_session_like_any(ticket, verify, api):
    body = verify(ticket, code=CODE).json()
    assert api.get("sessions/", access=body["access"]).status_code == 200
    refreshed = api.post("refresh/", {"refresh": body["refresh"]}).json()
    assert access_tokens.verify(refreshed["access"]).authentication_methods == ("pwd", "otp")
