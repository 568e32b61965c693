"""What a ticket is good for, and for how long."""

from datetime import timedelta

import pytest
from django.contrib.auth.signals import user_login_failed
from django.core import signing

from refresh_sessions.models import DeviceSession, SignInTicket
from tests.api.client import problem
from tests.factors import CODE, remove_second_factor
from tests.listeners import heard

pytestmark = pytest.mark.django_db


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
        remove_second_factor(ada)
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
