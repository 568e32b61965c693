"""POST login/ and POST login/verify/ for users who have a second factor."""

from datetime import timedelta

import pytest
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core import signing

from refresh_sessions.models import DeviceSession, SignInTicket
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.rest_framework.serializers import LoginSerializer
from refresh_sessions.tokens import access
from tests.api.client import Client, problem
from tests.factories import PASSWORD, UserFactory
from tests.factors import CODE
from tests.listeners import heard

pytestmark = pytest.mark.django_db

FACTORS = ("tests.factors.Code",)


class RememberSerializer(LoginSerializer):
    """One field more."""

    def get_fields(self):
        from rest_framework import serializers  # noqa: PLC0415

        return {**super().get_fields(), "remember_me": serializers.BooleanField(default=False)}


class RememberPolicy(SessionPolicy):
    def session_lifetime(self, user, *, request, data):
        return timedelta(days=30 if data["remember_me"] is True else 1)


@pytest.fixture(autouse=True)
def _factors(options):
    options(SECOND_FACTORS=FACTORS)


@pytest.fixture
def ada(db):
    return UserFactory(username="ada@example.org")


@pytest.fixture
def ask(api):
    """The first step; returns the answer."""

    def first(username="ada@example.org", password=PASSWORD, client=api, **more):
        return client.post("login/", {"username": username, "password": password, **more})

    return first


@pytest.fixture
def ticket(ada, ask):
    return ask(device_name="Phone").json()["ticket"]


@pytest.fixture
def verify(api):
    """The second step."""

    def second(ticket, client=api, headers=None, **proof):
        return client.post("login/verify/", {"ticket": ticket, **proof}, headers=headers)

    return second


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
        assert access.verify(body["access"]).authentication_methods == ("pwd", "otp")

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
        options(
            LOGIN_SERIALIZER=f"{__name__}.RememberSerializer", POLICY=f"{__name__}.RememberPolicy"
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
        assert access.verify(body["access"]).authentication_methods == ("pwd", "hwk")

    def test_in_cookie_mode(self, ada, ask, verify, options):
        options(TRANSPORT="cookie")
        client = Client()
        answer = ask(client=client)
        assert answer.cookies == {}
        answer = verify(answer.json()["ticket"], client=client, code=CODE)
        assert "refresh" not in answer.json()
        assert answer.cookies["__Host-refresh_token"].value


class TestTicket:
    def test_is_good_once(self, ticket, verify):
        assert verify(ticket, code=CODE).status_code == 200
        assert problem(verify(ticket, code=CODE)) == (401, "ticket_not_valid")
        assert DeviceSession.objects.count() == 1
        assert not SignInTicket.objects.exists()

    @pytest.mark.parametrize(("age", "status"), [(-1, 200), (0, 401), (1, 401)])
    def test_lasts_five_minutes(self, clock, ticket, verify, age, status):
        clock.move(timedelta(minutes=5, microseconds=age))
        assert verify(ticket, code=CODE).status_code == status

    def test_lasts_as_long_as_the_project_says(self, clock, ada, ask, verify, options):
        options(SIGN_IN_TICKET_LIFETIME=timedelta(hours=1))
        ticket = ask().json()["ticket"]
        clock.move(timedelta(minutes=59))
        assert verify(ticket, code=CODE).status_code == 200

    def test_wrong_codes(self, ticket, verify, settings):
        settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"session-login": None}}
        for _ in range(5):
            assert problem(verify(ticket, code="000000")) == (401, "second_factor_failed")
        assert problem(verify(ticket, code=CODE)) == (401, "ticket_not_valid")
        assert SignInTicket.objects.get().attempts == 5

    def test_the_fifth_attempt_may_be_right(self, ticket, verify):
        for _ in range(4):
            verify(ticket, code="000000")
        assert verify(ticket, code=CODE).status_code == 200

    def test_a_request_without_a_code_is_no_attempt(self, ticket, verify):
        answer = verify(ticket)
        assert problem(answer) == (400, "proof_incomplete")
        assert answer.json()["methods"] == [{"name": "code", "factor": "second"}]
        assert SignInTicket.objects.get().attempts == 0

    def test_wrong_codes_are_told_to_those_who_count_failures(self, ticket, verify):
        with heard(user_login_failed) as failed:
            verify(ticket, code="000000")
        (told,) = failed
        assert told["credentials"] == {"username": "ada@example.org"}

    def test_dies_with_the_password(self, ada, ticket, verify):
        ada.set_password("another")
        ada.save()
        assert problem(verify(ticket, code=CODE)) == (401, "ticket_not_valid")

    def test_dies_with_the_account(self, ada, ticket, verify):
        ada.is_active = False
        ada.save()
        assert problem(verify(ticket, code=CODE)) == (401, "ticket_not_valid")
        ada.delete()
        assert problem(verify(ticket, code=CODE)) == (401, "ticket_not_valid")

    def test_dies_with_the_second_factor(self, ada, ticket, verify):
        setattr(ada, type(ada).USERNAME_FIELD, "no-more@example.org")
        ada.save()
        assert problem(verify(ticket, code=CODE)) == (401, "ticket_not_valid")
        assert not DeviceSession.objects.exists()

    @pytest.mark.parametrize("forge", [lambda t: t[:-1], lambda t: f"{t}x", lambda t: "a:b:c"])
    def test_forged(self, ticket, verify, forge):
        assert problem(verify(forge(ticket), code=CODE)) == (401, "ticket_not_valid")

    @pytest.mark.parametrize("ticket", [None, "", [], "x" * 70_000])
    def test_none_at_all(self, db, verify, ticket):
        assert problem(verify(ticket, code=CODE)) == (400, "invalid")

    def test_something_else_that_this_server_has_signed(self, db, verify):
        assert problem(verify(signing.dumps({"secret": "x"}), code=CODE))[0] == 401

    @pytest.mark.parametrize("content", [{"secret": "x"}, [], "x", {"methods": 7}, None])
    def test_in_the_form_of_another_release(self, db, verify, content):
        ticket = signing.dumps(content, salt="refresh_sessions.sign_in_ticket")
        assert problem(verify(ticket, code=CODE)) == (401, "ticket_not_valid")

    def test_a_new_secret_key(self, ticket, verify, settings):
        before, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 50
        assert problem(verify(ticket, code=CODE)) == (401, "ticket_not_valid")
        settings.SECRET_KEY_FALLBACKS = [before]
        assert verify(ticket, code=CODE).status_code == 200

    def test_a_session_that_is_denied_leaves_it_good(self, ada, ask, verify, options, api):
        options(MAX_SESSIONS_PER_USER=1, ON_SESSION_LIMIT="deny")
        first = verify(ask().json()["ticket"], code=CODE).json()
        ticket = ask().json()["ticket"]
        assert problem(verify(ticket, code=CODE)) == (403, "session_limit_reached")
        api.post("logout/", {"refresh": first["refresh"]})
        assert verify(ticket, code=CODE).status_code == 200

    def test_old_ones_do_not_pile_up(self, ada, ask, clock):
        for _ in range(3):
            ask()
            clock.move(timedelta(minutes=6))
        assert SignInTicket.objects.count() == 1


class TestThrottle:
    def test_another_ticket_is_no_new_start(self, ada, ask, verify):
        tickets = [ask().json()["ticket"] for _ in range(2)]
        wrong = [verify(tickets[n % 2], code="000000").status_code for n in range(5)]
        assert wrong == [401] * 5
        assert problem(verify(tickets[0], code=CODE)) == (429, "throttled")
        # And nobody's first step is affected.
        assert problem(ask()) == (401, "mfa_required")

    def test_per_account(self, ada, ask, verify):
        ticket = ask().json()["ticket"]
        for _ in range(6):
            verify(ticket, code="000000")
        other = UserFactory(username="ada@example.com").get_username()
        assert verify(ask(other).json()["ticket"], code=CODE).status_code == 200


def test_a_session_by_two_steps_is_a_session_like_any(ticket, verify, api):
    body = verify(ticket, code=CODE).json()
    assert api.get("sessions/", access=body["access"]).status_code == 200
    refreshed = api.post("refresh/", {"refresh": body["refresh"]}).json()
    assert access.verify(refreshed["access"]).authentication_methods == ("pwd", "otp")
