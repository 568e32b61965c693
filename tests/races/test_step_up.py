"""Re-authentication and second factors with concurrent requests."""

from functools import partial
from importlib import import_module

import pytest

from refresh_sessions.exceptions import (
    InvalidTicketError,
    SecondFactorFailedError,
    SecondFactorRequiredError,
    SessionRevokedError,
    TooManyAttemptsError,
)
from refresh_sessions.identity import attempts
from refresh_sessions.models import DeviceSession, ProofAttempts, SignInTicket
from refresh_sessions.sessions import (
    authenticated_at_for_token,
    check_access_token,
    finish_login,
    log_in,
    read_grant,
    reauthenticate_session,
    refresh_session,
    revoke_session,
)
from tests.domain.client_actions import call, family_of, session_of
from tests.factories import UserFactory, make_pair
from tests.factors import CODE
from tests.races.invariants import (
    count_usable,
    count_usable_after_revocation,
    failures,
    issued_refresh_tokens,
    pairs,
)
from tests.races.runner import scaled, thread_pool, with_random_delay

pytestmark = pytest.mark.django_db(transaction=True)


def step_up(pair):
    return reauthenticate_session(check_access_token(pair.access), methods=("otp",))


def is_reauthenticated(pair) -> bool:
    """Whether the access token has the time of the re-authentication, as the row has it."""
    grant = check_access_token(pair.access)
    reauthenticated = authenticated_at_for_token(read_grant(grant), grant.claims) is not None
    return reauthenticated and grant.claims.authentication_methods == ("otp",)


@pytest.mark.parametrize(("refreshers", "rounds"), [(1, scaled(15, 1000)), (4, scaled(5, 100))])
def test_step_up_with_concurrent_refreshes_issues_one_token(refreshers, rounds, statistics):
    with thread_pool(1 + refreshers) as race:
        for _ in range(rounds):
            pair = make_pair(methods=("pwd",))
            calls = [
                partial(step_up, pair),
                *[partial(refresh_session, pair.refresh)] * refreshers,
            ]
            reauthenticated, *others = race([with_random_delay(each) for each in calls])
            answers = [reauthenticated, *others]
            # No request is refused, and exactly one answer has a new refresh token.
            assert failures(answers) == []
            tokens = issued_refresh_tokens(answers)
            assert len(tokens) == 1
            assert family_of(pair).generation == 2
            # Only the re-authenticating client gets the new authentication.
            assert [is_reauthenticated(answer) for answer in answers] == [True] + [
                False
            ] * refreshers
            assert session_of(pair).revoked_at is None
            statistics.add(answers, live=count_usable(tokens))
    assert statistics.live == {1}


def test_concurrent_step_ups_issue_one_token(statistics):
    """A user who clicks twice."""
    with thread_pool(2) as race:
        for _ in range(scaled(10, 200)):
            pair = make_pair()
            answers = race([with_random_delay(partial(step_up, pair))] * 2)
            assert failures(answers) == []
            tokens = issued_refresh_tokens(answers)
            assert len(tokens) == 1
            assert family_of(pair).generation == 2
            assert {call(answer) for answer in answers} == {"ok"}
            statistics.add(answers, live=count_usable(tokens))
    assert statistics.live == {1}


def test_step_up_with_concurrent_revocation_leaves_no_usable_token(statistics):
    with thread_pool(2) as race:
        for _ in range(scaled(15, 1000)):
            pair = make_pair()
            grant = check_access_token(pair.access)
            calls = [
                partial(revoke_session, pair.session, reason="admin"),
                partial(reauthenticate_session, grant, methods=("otp",)),
            ]
            ended, *answers = race([with_random_delay(each) for each in calls])
            assert ended is True
            assert {type(refusal) for refusal in failures(answers)} <= {SessionRevokedError}
            statistics.add(answers, live=count_usable_after_revocation(pair, answers))
    assert statistics.live == {0}


class TestSecondFactor:
    @pytest.fixture(autouse=True)
    def _second_factor(self, options):
        options(SECOND_FACTORS=("tests.factors.Code",))

    def ticket(self, user) -> str:
        with pytest.raises(SecondFactorRequiredError) as raised:
            log_in(user, methods=("pwd",))
        return raised.value.ticket

    def test_ticket_concurrent_verifications_open_one_session(self, ada, statistics):
        presenters = 4
        with thread_pool(presenters) as race:
            for number in range(1, 1 + scaled(10, 200)):
                finish = partial(finish_login, self.ticket(ada), {"code": CODE})
                answers = race([finish] * presenters)
                assert {type(refusal) for refusal in failures(answers)} == {InvalidTicketError}
                assert len(pairs(answers)) == 1
                assert DeviceSession.objects.count() == number
                statistics.add(answers, live=count_usable(issued_refresh_tokens(answers)))
        assert statistics.live == {1}
        assert not SignInTicket.objects.exists()

    def test_ticket_concurrent_wrong_codes_stay_within_limit(self, ada):
        presenters = 8
        with thread_pool(presenters) as race:
            for _ in range(scaled(3, 60)):
                # The limit of the account would be reached after a few rounds.
                ProofAttempts.objects.all().delete()
                guess = partial(finish_login, self.ticket(ada), {"code": "000000"})
                answers = [type(answer) for answer in race([guess] * presenters)]
                assert answers.count(SecondFactorFailedError) == 5
                assert answers.count(InvalidTicketError) == presenters - 5

    @pytest.mark.parametrize("before", [0, 1])
    def test_account_concurrent_wrong_codes_of_many_tickets_stay_within_limit(
        self, ada, monkeypatch, before
    ):
        """Both before and after the first failure has created the row."""
        bound, presenters = 6, 4
        monkeypatch.setattr(attempts, "MAX_FAILURES", bound)
        with thread_pool(presenters) as race:
            for _ in range(scaled(3, 60)):
                ProofAttempts.objects.all().delete()
                outcomes = [call_type(partial(self.guess, ada)) for _ in range(before)]
                for _ in range(3):
                    # Each with a separate ticket.
                    guesses = [partial(self.guess, ada)] * presenters
                    outcomes += [type(answer) for answer in race(guesses)]
                assert set(outcomes) == {SecondFactorFailedError, TooManyAttemptsError}
                assert outcomes.count(SecondFactorFailedError) == bound
                assert ProofAttempts.objects.get().count == bound

    def guess(self, user):
        return finish_login(self.ticket(user), {"code": "000000"})


def call_type(guess) -> type:
    with pytest.raises(SecondFactorFailedError) as failed:
        guess()
    return failed.type


def test_one_time_code_concurrent_verifications_open_one_session(options, statistics):
    """An attacker has seen the code and has a separate ticket."""
    pytest.importorskip("django_otp", reason="the extra otp is not installed")
    oath = import_module("django_otp.oath")
    devices = import_module("django_otp.plugins.otp_totp.models").TOTPDevice
    options(SECOND_FACTORS=("refresh_sessions.identity.otp.OneTimePasswordMethod",))
    presenters = 4
    with thread_pool(presenters) as race:
        for _ in range(scaled(5, 100)):
            user = UserFactory()
            device = devices.objects.create(user=user, name="Phone", confirmed=True)
            proof = {"otp": f"{oath.totp(device.bin_key):06d}"}
            calls = [
                partial(finish_login, TestSecondFactor().ticket(user), proof)
                for _ in range(presenters)
            ]
            answers = race(calls)
            assert {type(refusal) for refusal in failures(answers)} == {SecondFactorFailedError}
            assert len(pairs(answers)) == 1
            assert DeviceSession.objects.for_user(user).count() == 1
            statistics.add(answers, live=count_usable(issued_refresh_tokens(answers)))
    assert statistics.live == {1}
