"""Step-ups against refreshes, ends and each other; second steps of one sign-in."""

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
    finish_sign_in,
    read_grant,
    reauthenticate_session,
    refresh_session,
    revoke_session,
    sign_in,
)
from tests.domain.stories import call, family_of, session_of
from tests.factories import UserFactory, make_pair
from tests.factors import CODE
from tests.races.invariants import failures, handed_out, live_lineages, pairs, survivors
from tests.races.runner import crew, scaled, soon

pytestmark = pytest.mark.django_db(transaction=True)


def step_up(pair):
    return reauthenticate_session(check_access_token(pair.access), methods=("otp",))


def is_proven(pair) -> bool:
    """Whether an access token tells of the step-up, and the row agrees."""
    grant = check_access_token(pair.access)
    proven = authenticated_at_for_token(read_grant(grant), grant.claims) is not None
    return proven and grant.claims.authentication_methods == ("otp",)


@pytest.mark.parametrize(("refreshers", "rounds"), [(1, scaled(15, 1000)), (4, scaled(5, 100))])
def test_refresh_against(refreshers, rounds, tally):
    with crew(1 + refreshers) as race:
        for _ in range(rounds):
            pair = make_pair(methods=("pwd",))
            calls = [
                partial(step_up, pair),
                *[partial(refresh_session, pair.refresh)] * refreshers,
            ]
            proven, *others = race([soon(each) for each in calls])
            answers = [proven, *others]
            # Nobody is refused, and one of them alone has a new refresh token.
            assert failures(answers) == []
            tokens = handed_out(answers)
            assert len(tokens) == 1
            assert family_of(pair).generation == 2
            # The proof is the stepper's alone.
            assert [is_proven(answer) for answer in answers] == [True] + [False] * refreshers
            assert session_of(pair).revoked_at is None
            tally.add(answers, live=live_lineages(tokens))
    assert tally.live == {1}


def test_two_step_ups(tally):
    """A person who clicks twice."""
    with crew(2) as race:
        for _ in range(scaled(10, 200)):
            pair = make_pair()
            answers = race([soon(partial(step_up, pair))] * 2)
            assert failures(answers) == []
            tokens = handed_out(answers)
            assert len(tokens) == 1
            assert family_of(pair).generation == 2
            assert {call(answer) for answer in answers} == {"ok"}
            tally.add(answers, live=live_lineages(tokens))
    assert tally.live == {1}


def test_revoke_against(tally):
    with crew(2) as race:
        for _ in range(scaled(15, 1000)):
            pair = make_pair()
            grant = check_access_token(pair.access)
            calls = [
                partial(revoke_session, pair.session, reason="admin"),
                partial(reauthenticate_session, grant, methods=("otp",)),
            ]
            ended, *answers = race([soon(each) for each in calls])
            assert ended is True
            assert {type(refusal) for refusal in failures(answers)} <= {SessionRevokedError}
            tally.add(answers, live=survivors(pair, answers))
    assert tally.live == {0}


class TestSecondStep:
    @pytest.fixture(autouse=True)
    def _second_factor(self, options):
        options(SECOND_FACTORS=("tests.factors.Code",))

    def ticket(self, user) -> str:
        with pytest.raises(SecondFactorRequiredError) as asked:
            sign_in(user, methods=("pwd",))
        return asked.value.ticket

    def test_one_ticket_is_one_session(self, ada, tally):
        presenters = 4
        with crew(presenters) as race:
            for number in range(1, 1 + scaled(10, 200)):
                finish = partial(finish_sign_in, self.ticket(ada), {"code": CODE})
                answers = race([finish] * presenters)
                assert {type(refusal) for refusal in failures(answers)} == {InvalidTicketError}
                assert len(pairs(answers)) == 1
                assert DeviceSession.objects.count() == number
                tally.add(answers, live=live_lineages(handed_out(answers)))
        assert tally.live == {1}
        assert not SignInTicket.objects.exists()

    def test_guesses_in_parallel_are_no_more_than_guesses_in_a_row(self, ada):
        presenters = 8
        with crew(presenters) as race:
            for _ in range(scaled(3, 60)):
                # Those of the account would not last for so many rounds.
                ProofAttempts.objects.all().delete()
                guess = partial(finish_sign_in, self.ticket(ada), {"code": "000000"})
                answers = [type(answer) for answer in race([guess] * presenters)]
                assert answers.count(SecondFactorFailedError) == 5
                assert answers.count(InvalidTicketError) == presenters - 5

    @pytest.mark.parametrize("before", [0, 1])
    def test_guesses_with_many_tickets_are_no_more_than_those_of_the_account(
        self, ada, monkeypatch, before
    ):
        """From the first on, which makes the row, as from the second."""
        bound, presenters = 6, 4
        monkeypatch.setattr(attempts, "MAX_FAILURES", bound)
        with crew(presenters) as race:
            for _ in range(scaled(3, 60)):
                ProofAttempts.objects.all().delete()
                said = [call_type(partial(self.guess, ada)) for _ in range(before)]
                for _ in range(3):
                    # Each with a ticket of its own.
                    guesses = [partial(self.guess, ada)] * presenters
                    said += [type(answer) for answer in race(guesses)]
                assert set(said) == {SecondFactorFailedError, TooManyAttemptsError}
                assert said.count(SecondFactorFailedError) == bound
                assert ProofAttempts.objects.get().count == bound

    def guess(self, user):
        return finish_sign_in(self.ticket(user), {"code": "000000"})


def call_type(guess) -> type:
    with pytest.raises(SecondFactorFailedError) as failed:
        guess()
    return failed.type


def test_a_code_of_a_device_is_one_session(options, tally):
    """Whoever looks over a shoulder, with a ticket of their own."""
    pytest.importorskip("django_otp", reason="the extra otp is not installed")
    oath = import_module("django_otp.oath")
    devices = import_module("django_otp.plugins.otp_totp.models").TOTPDevice
    options(SECOND_FACTORS=("refresh_sessions.identity.otp.OneTimePasswordMethod",))
    presenters = 4
    with crew(presenters) as race:
        for _ in range(scaled(5, 100)):
            user = UserFactory()
            device = devices.objects.create(user=user, name="Phone", confirmed=True)
            proof = {"otp": f"{oath.totp(device.bin_key):06d}"}
            calls = [
                partial(finish_sign_in, TestSecondStep().ticket(user), proof)
                for _ in range(presenters)
            ]
            answers = race(calls)
            assert {type(refusal) for refusal in failures(answers)} == {SecondFactorFailedError}
            assert len(pairs(answers)) == 1
            assert DeviceSession.objects.for_user(user).count() == 1
            tally.add(answers, live=live_lineages(handed_out(answers)))
    assert tally.live == {1}
