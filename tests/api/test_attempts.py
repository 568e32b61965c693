"""The limit of failed second factors, for an attacker with many tickets and addresses."""

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
    """Send both steps, each time from a new address."""
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
    """An attacker with the password has used all attempts."""
    statuses = [problem(attempt(WRONG)) for _ in range(MAX_FAILURES)]
    assert statuses == [FAILED] * MAX_FAILURES
    return ada


class TestSecondStep:
    def test_attempt_limit_counts_all_tickets_from_all_addresses(self, exhausted, attempt):
        assert problem(attempt(CODE)) == BLOCKED
        assert not DeviceSession.objects.exists()

    def test_attempt_limit_lasts_a_day_from_first_failure(self, exhausted, attempt, clock):
        clock.move(DAY - MOMENT)
        answer = attempt(CODE)
        assert problem(answer) == BLOCKED
        assert answer["Retry-After"] == "1"
        clock.move(MOMENT)
        assert attempt(CODE).status_code == 200

    def test_attempt_count_restarts_after_a_day(self, exhausted, attempt, clock):
        clock.move(DAY)
        assert problem(attempt(WRONG)) == FAILED
        assert ProofAttempts.objects.get().count == 1

    def test_attempt_limit_is_per_account(self, exhausted, attempt, with_second_factor):
        with_second_factor(UserFactory(username="bob@example.org"))
        assert attempt(CODE, username="bob@example.org").status_code == 200

    def test_attempt_limit_is_reset_at_password_change(self, exhausted, attempt):
        exhausted.set_password("a new one")
        exhausted.save()
        assert attempt(CODE, password="a new one").status_code == 200

    def test_attempt_limit_is_reset_at_success(self, ada, attempt):
        for _ in range(MAX_FAILURES - 1):
            attempt(WRONG)
        assert attempt(CODE).status_code == 200
        assert not ProofAttempts.objects.exists()
        assert problem(attempt(WRONG)) == FAILED

    def test_attempt_limit_is_kept_at_denied_session(self, ada, attempt, options):
        attempt(WRONG)
        options(MAX_SESSIONS_PER_USER=1, ON_SESSION_LIMIT="deny")
        make_pair(ada)
        assert problem(attempt(CODE)) == (403, "session_limit_reached")
        assert ProofAttempts.objects.get().count == 2

    def test_request_without_code_counts_no_attempt(self, ada, attempt):
        assert problem(attempt(None)) == (400, "proof_incomplete")
        assert not ProofAttempts.objects.exists()

    def test_attempt_limit_of_login_leaves_reauthentication(self, api, ada, attempt):
        pair = make_pair(ada, methods=("pwd", "otp"))
        for _ in range(MAX_FAILURES):
            attempt(WRONG)
        body = {"password": PASSWORD, "code": CODE}
        assert api.post("reauthenticate/", body, access=pair.access).status_code == 200

    def test_attempt_count_takes_two_queries(self, api, ada, django_assert_num_queries):
        body = {"username": ada.get_username(), "password": PASSWORD}
        ticket = {"ticket": api.post("login/", body).json()["ticket"]}
        # Each request reads the ticket and counts its attempt; the first one has a savepoint.
        for queries in (2 + 2 + 2, 2 + 2):
            with django_assert_num_queries(queries):
                assert problem(api.post("login/verify/", {**ticket, "code": WRONG})) == FAILED

    def test_attempts_are_deleted_with_the_account(self, ada, attempt):
        attempt(WRONG)
        get_user_model().objects.all().delete()
        assert not ProofAttempts.objects.exists()


class TestStepUp:
    @pytest.fixture(autouse=True)
    def _patient(self, settings):
        """Disable the throttle, so that only attempts are limited."""
        rates = {"session-reauthenticate": None}
        settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": rates}

    @pytest.fixture
    def reauthenticate(self, api):
        def send(pair, password=PASSWORD):
            body = {"password": password, "code": CODE}
            return api.post("reauthenticate/", body, access=pair.access)

        return send

    def test_reauthentication_attempts_are_limited_per_session(self, ada, reauthenticate):
        pair, other = make_pair(ada), make_pair(ada)
        for _ in range(MAX_FAILURES):
            assert problem(reauthenticate(pair, "wrong")) == (401, "reauthentication_failed")
        assert problem(reauthenticate(pair)) == BLOCKED
        assert reauthenticate(other).status_code == 200

    def test_reauthentication_attempts_are_reset_at_success(self, ada, reauthenticate):
        pair = make_pair(ada)
        reauthenticate(pair, "wrong")
        assert reauthenticate(pair).status_code == 200
        assert not ProofAttempts.objects.exists()

    def test_incomplete_reauthentication_counts_no_attempt(self, api, ada):
        pair = make_pair(ada)
        assert api.get("reauthenticate/", access=pair.access).status_code == 200
        answer = api.post("reauthenticate/", {"password": "wrong"}, access=pair.access)
        assert problem(answer) == (400, "proof_incomplete")
        assert not ProofAttempts.objects.exists()
