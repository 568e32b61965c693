"""``prune_refresh_sessions``."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from refresh_sessions.exceptions import SecondFactorRequiredError
from refresh_sessions.identity.attempts import get_second_factor_limiter
from refresh_sessions.management.arguments import duration
from refresh_sessions.management.commands import prune_refresh_sessions
from refresh_sessions.models import DeviceSession, ProofAttempts, RevokedReason, SignInTicket
from refresh_sessions.sessions import log_in, revoke_session
from tests.factories import UserFactory, make_pair
from tests.management.calling import HARD, MOMENT, Terminal, busy, prune

pytestmark = pytest.mark.django_db


class TestPrune:
    def test_deletes_counts_of_attempts_that_count_no_more(self, clock, user):
        get_second_factor_limiter(user).consume()
        clock.move(timedelta(days=1) - MOMENT)
        prune()
        assert ProofAttempts.objects.count() == 1
        clock.move(MOMENT)
        prune("--dry-run")
        assert ProofAttempts.objects.count() == 1
        prune()
        assert not ProofAttempts.objects.exists()

    def test_deletes_sign_ins_that_nobody_finished(self, clock, options, ada, with_second_factor):
        options(SECOND_FACTORS=("tests.factors.Code",))
        for wait in (timedelta(minutes=5), timedelta(0)):
            with pytest.raises(SecondFactorRequiredError):
                log_in(with_second_factor(UserFactory()))
            clock.move(wait)
        with pytest.raises(SecondFactorRequiredError):
            log_in(ada)
        assert SignInTicket.objects.count() == 3
        assert prune("--dry-run") == "Would delete 0 sessions.\n"
        assert SignInTicket.objects.count() == 3
        assert prune() == "Deleted 0 sessions.\n"
        assert SignInTicket.objects.count() == 2

    def test_keeps_sessions_for_a_month_after_their_hard_expiry(self, clock, pair):
        clock.move(HARD + timedelta(days=30) - MOMENT)
        assert prune() == "Deleted 0 sessions.\n"
        clock.move(MOMENT)
        assert prune() == "Deleted 1 session.\n"
        assert not DeviceSession.objects.exists()

    def test_takes_another_time_to_keep_them(self, clock, pair):
        clock.move(HARD + timedelta(hours=12) - MOMENT)
        assert prune("--older-than", "12h") == "Deleted 0 sessions.\n"
        assert prune("--older-than=0") == "Deleted 1 session.\n"

    def test_keeps_what_was_revoked_until_its_hard_expiry(self, clock, pair):
        revoke_session(pair.session, reason=RevokedReason.USER)
        clock.move(HARD - MOMENT)
        assert prune("--older-than", "0") == "Deleted 0 sessions.\n"

    def test_only_says_how_many_it_would_be(self, clock, user):
        for _ in range(3):
            make_pair(user)
        clock.move(HARD)
        assert prune("--dry-run", "--older-than", "0") == "Would delete 3 sessions.\n"
        assert DeviceSession.objects.count() == 3

    def test_shows_its_progress_on_a_terminal_in_one_line(self, clock, user):
        for _ in range(5):
            make_pair(user)
        clock.move(HARD)
        shown = prune("--older-than=0", "--batch-size=2", stdout=Terminal())
        assert shown == (
            "\rDeleted 2 sessions\rDeleted 4 sessions\rDeleted 5 sessions\rDeleted 5 sessions.\n"
        )

    def test_writes_one_line_into_a_log_file(self, clock, user):
        for _ in range(5):
            make_pair(user)
        clock.move(HARD)
        assert prune("--older-than=0", "--batch-size=2") == "Deleted 5 sessions.\n"

    @pytest.mark.parametrize("option", [[], ["--dry-run"]])
    def test_keeps_quiet_when_asked_to(self, clock, pair, option):
        clock.move(HARD)
        shown = prune("--older-than=0", "--verbosity=0", *option, stdout=Terminal())
        assert shown == ""
        assert DeviceSession.objects.exists() is bool(option)

    def test_can_be_called_from_python_with_a_timedelta(self, clock, pair):
        clock.move(HARD)
        out = StringIO()
        call_command("prune_refresh_sessions", older_than=timedelta(0), stdout=out)
        assert out.getvalue() == "Deleted 1 session.\n"

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            (["--older-than", "soon"], "'soon' is not a duration: write it like 30d"),
            (["--older-than", "30"], "'30' has no unit: write 30d for days"),
            (["--older-than=-1 00:00:00"], "--older-than: must not be negative"),
            (["--batch-size", "0"], "batch_size must be between 1 and 10000, not 0"),
            (["--batch-size", "10001"], "batch_size must be between 1 and 10000, not 10001"),
            (["--batch-size", "many"], "invalid int value: 'many'"),
        ],
    )
    def test_says_what_is_wrong_and_deletes_nothing(self, clock, pair, arguments, complaint):
        clock.move(timedelta(days=400))
        with pytest.raises(CommandError, match=complaint):
            prune(*arguments)
        assert DeviceSession.objects.count() == 1

    @pytest.mark.parametrize("option", [[], ["--dry-run"]])
    def test_says_that_the_database_is_busy(self, monkeypatch, option):
        monkeypatch.setattr(prune_refresh_sessions, "prune_sessions", busy)
        monkeypatch.setattr(prune_refresh_sessions, "count_prunable_sessions", busy)
        with pytest.raises(CommandError, match=r"database is busy.* run this again"):
            prune(*option)


class TestDuration:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("0", timedelta(0)),
            ("0d", timedelta(0)),
            ("45s", timedelta(seconds=45)),
            ("90m", timedelta(minutes=90)),
            ("12h", timedelta(hours=12)),
            ("30d", timedelta(days=30)),
            ("2w", timedelta(weeks=2)),
            (" 30 D ", timedelta(days=30)),
            ("P30D", timedelta(days=30)),
            ("PT36H", timedelta(hours=36)),
            ("30 days", timedelta(days=30)),
            ("1 12:00:00", timedelta(days=1, hours=12)),
        ],
    )
    def test_is_read(self, text, expected):
        assert duration(text) == expected

    @pytest.mark.parametrize(
        "text",
        [
            # Zero to Django, and easily given: --older-than "$NOT_SET".
            *("", " "),
            *("d", "d30", "30x", "30dd", "1d12h", "1.5d", "-30d", "3\N{THAI DIGIT ZERO}d", "soon"),
            # Without a unit nobody knows: Django would take 30 for seconds.
            *("30", "-1", "+1", "00", "1.5", "1e3"),
            # More than a timedelta holds.
            *("9" * 12 + "d", "9" * 9 + "w", "9" * 5000 + "d", "P" + "9" * 12 + "D"),
        ],
    )
    def test_of_another_form_is_refused(self, text):
        with pytest.raises(Exception, match=r"is not a duration|has no unit") as raised:
            duration(text)
        # By this type the parser of the command line knows that the message is for people.
        assert type(raised.value).__name__ == "ArgumentTypeError"
