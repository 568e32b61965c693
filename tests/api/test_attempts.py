"""How many guesses there are at a second factor, for who has all the tickets and addresses."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from refresh_sessions.identity.attempts import MAX_FAILURES
from refresh_sessions.models import DeviceSession, ProofAttempts
from tests.api.client import problem
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.factors import CODE

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)
WRONG = "000000"
FAILED = (401, "second_factor_failed")
BLOCKED = (429, "throttled")


@pytest.fixture(autouse=True)
def _factors(options):
    options(SECOND_FACTORS=("tests.factors.Code",))


@pytest.fixture
def attempt(api):
    """Both steps, from a new address each time."""
    sent = 0

    def both(code, username="ada@example.org", password=PASSWORD):
        nonlocal sent
        sent += 1
        address = f"10.{sent >> 16}.{sent >> 8 & 255}.{sent & 255}"
        body = {"username": username, "password": password}
        answer = api.post("login/", body, REMOTE_ADDR=address)
        assert problem(answer) == (401, "mfa_required")
        ticket = answer.json()["ticket"]
        return api.post("login/verify/", {"ticket": ticket, "code": code}, REMOTE_ADDR=address)

    return both


@pytest.fixture
def exhausted(ada, attempt, clock):
    """A thief who knows the password has guessed as often as there are guesses."""
    statuses = [problem(attempt(WRONG)) for _ in range(MAX_FAILURES)]
    assert statuses == [FAILED] * MAX_FAILURES
    return ada


class TestSecondStep:
    def test_neither_tickets_nor_addresses_give_more(self, exhausted, attempt):
        assert problem(attempt(CODE)) == BLOCKED
        assert not DeviceSession.objects.exists()

    def test_for_a_day_from_the_first_on(self, exhausted, attempt, clock):
        clock.move(DAY - MOMENT)
        answer = attempt(CODE)
        assert problem(answer) == BLOCKED
        assert answer["Retry-After"] == "1"
        clock.move(MOMENT)
        assert attempt(CODE).status_code == 200

    def test_the_next_day_begins_at_one(self, exhausted, attempt, clock):
        clock.move(DAY)
        assert problem(attempt(WRONG)) == FAILED
        assert ProofAttempts.objects.get().count == 1

    def test_other_accounts_have_their_own(self, exhausted, attempt, with_second_factor):
        with_second_factor(UserFactory(username="bob@example.org"))
        assert attempt(CODE, username="bob@example.org").status_code == 200

    def test_a_new_password_which_the_thief_does_not_know_gives_them_back(
        self, exhausted, attempt
    ):
        exhausted.set_password("a new one")
        exhausted.save()
        assert attempt(CODE, password="a new one").status_code == 200

    def test_the_last_may_be_right_and_success_gives_them_back(self, ada, attempt):
        for _ in range(MAX_FAILURES - 1):
            attempt(WRONG)
        assert attempt(CODE).status_code == 200
        assert not ProofAttempts.objects.exists()
        assert problem(attempt(WRONG)) == FAILED

    def test_a_session_that_is_denied_gives_none_back(self, ada, attempt, options):
        attempt(WRONG)
        options(MAX_SESSIONS_PER_USER=1, ON_SESSION_LIMIT="deny")
        make_pair(ada)
        assert problem(attempt(CODE)) == (403, "session_limit_reached")
        assert ProofAttempts.objects.get().count == 2

    def test_a_request_without_a_code_is_none(self, ada, attempt):
        assert problem(attempt(None)) == (400, "proof_incomplete")
        assert not ProofAttempts.objects.exists()

    def test_whoever_is_signed_in_stays_so_and_can_prove_it(self, api, ada, attempt):
        pair = make_pair(ada, methods=("pwd", "otp"))
        for _ in range(MAX_FAILURES):
            attempt(WRONG)
        proof = {"password": PASSWORD, "code": CODE}
        assert api.post("reauthenticate/", proof, access=pair.access).status_code == 200

    def test_counting_takes_two_queries(self, api, ada, django_assert_num_queries):
        body = {"username": ada.get_username(), "password": PASSWORD}
        ticket = {"ticket": api.post("login/", body).json()["ticket"]}
        # Each time the ticket is read and its attempt taken; the first time with a savepoint.
        for queries in (2 + 2 + 2, 2 + 2):
            with django_assert_num_queries(queries):
                assert problem(api.post("login/verify/", {**ticket, "code": WRONG})) == FAILED

    def test_they_go_with_the_account(self, ada, attempt):
        attempt(WRONG)
        get_user_model().objects.all().delete()
        assert not ProofAttempts.objects.exists()


class TestStepUp:
    @pytest.fixture(autouse=True)
    def _patient(self, settings):
        """A thief who has all the time that the throttle asks for."""
        rates = {"session-reauthenticate": None}
        settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": rates}

    @pytest.fixture
    def prove(self, api):
        def send(pair, password=PASSWORD):
            body = {"password": password, "code": CODE}
            return api.post("reauthenticate/", body, access=pair.access)

        return send

    def test_fifty_per_session(self, ada, prove):
        pair, other = make_pair(ada), make_pair(ada)
        for _ in range(MAX_FAILURES):
            assert problem(prove(pair, "wrong")) == (401, "reauthentication_failed")
        assert problem(prove(pair)) == BLOCKED
        assert prove(other).status_code == 200

    def test_success_gives_them_back(self, ada, prove):
        pair = make_pair(ada)
        prove(pair, "wrong")
        assert prove(pair).status_code == 200
        assert not ProofAttempts.objects.exists()

    def test_asking_and_incomplete_proofs_are_none(self, api, ada):
        pair = make_pair(ada)
        assert api.get("reauthenticate/", access=pair.access).status_code == 200
        answer = api.post("reauthenticate/", {"password": "wrong"}, access=pair.access)
        assert problem(answer) == (400, "proof_incomplete")
        assert not ProofAttempts.objects.exists()
