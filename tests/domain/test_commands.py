"""The management commands, as somebody at a terminal or a cron job meets them."""

import sys
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refresh_sessions.exceptions import DatabaseBusyError, SecondFactorRequiredError
from refresh_sessions.management.arguments import duration
from refresh_sessions.management.commands import prune_refresh_sessions, revoke_refresh_sessions
from refresh_sessions.models import DeviceSession, ProofAttempts, RevokedReason, SignInTicket
from refresh_sessions.sessions import (
    refresh_session,
    revoke_session,
    revoke_sessions,
    revoking,
    sign_in,
)
from refresh_sessions.sessions.attempts import second_steps_of
from tests.domain.stories import kinds, refused, session_of
from tests.factories import UserFactory, make_pair

pytestmark = pytest.mark.django_db

HARD = timedelta(days=7)
MOMENT = timedelta(microseconds=1)


class Terminal(StringIO):
    """A person sits in front of it."""

    def isatty(self) -> bool:
        return True


def prune(*arguments, stdout=None) -> str:
    out = stdout or StringIO()
    call_command("prune_refresh_sessions", *arguments, stdout=out)
    return out.getvalue()


def revoke(*arguments) -> str:
    out = StringIO()
    call_command("revoke_refresh_sessions", *arguments, stdout=out)
    return out.getvalue()


def busy(*args, **kwargs):
    raise DatabaseBusyError


class TestPrune:
    def test_deletes_counts_of_attempts_that_count_no_more(self, clock, user):
        second_steps_of(user).take()
        clock.move(timedelta(days=1) - MOMENT)
        prune()
        assert ProofAttempts.objects.count() == 1
        clock.move(MOMENT)
        prune("--dry-run")
        assert ProofAttempts.objects.count() == 1
        prune()
        assert not ProofAttempts.objects.exists()

    def test_deletes_sign_ins_that_nobody_finished(self, clock, options):
        options(SECOND_FACTORS=("tests.factors.Code",))
        ada = UserFactory(username="ada@example.org")
        for wait in (timedelta(minutes=5), timedelta(0)):
            with pytest.raises(SecondFactorRequiredError):
                sign_in(UserFactory(username=f"ada{wait}@example.org"))
            clock.move(wait)
        with pytest.raises(SecondFactorRequiredError):
            sign_in(ada)
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
            (["--older-than", "soon"], "'soon' is no duration: write it like 30d"),
            (["--older-than", "30"], "'30' has no unit: write 30d for days"),
            (["--older-than=-1 00:00:00"], "older_than must not be negative"),
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
        with pytest.raises(Exception, match=r"is no duration|has no unit") as raised:
            duration(text)
        # By this type the parser of the command line knows that the message is for people.
        assert type(raised.value).__name__ == "ArgumentTypeError"


class TestRevokeOfUsers:
    def test_ends_the_live_sessions_of_a_user_by_name(self, user):
        pairs, other = [make_pair(user), make_pair(user)], make_pair()
        said = revoke("--user", user.get_username())
        assert said == f"Ended 2 sessions of {user.get_username()} (primary key {user.pk}).\n"
        assert [refused(pair.refresh) for pair in pairs] == ["session_revoked"] * 2
        assert refresh_session(str(other.refresh)).family.generation == 2

    def test_records_an_end_by_staff(self, pair, user):
        revoke("--user", user.get_username())
        assert session_of(pair).revoked_reason == RevokedReason.ADMIN
        assert session_of(pair).revoked_by is None
        assert kinds(pair) == ["signed_in", "revoked"]

    def test_finds_a_user_by_primary_key(self, pair, user):
        assert revoke("--user", str(user.pk)).startswith("Ended 1 session of ")
        assert refused(pair.refresh) == "session_revoked"

    def test_takes_a_name_for_a_name_even_if_it_is_another_users_key(self, user, pair):
        namesake: Any = UserFactory(username=str(user.pk))
        mistaken = make_pair(namesake)
        said = revoke("--user", str(user.pk))
        assert said == f"Ended 1 session of {user.pk} (primary key {namesake.pk}).\n"
        assert refused(mistaken.refresh) == "session_revoked"
        assert session_of(pair).revoked_at is None

    @pytest.mark.parametrize("repeat", [True, False], ids=["option", "value"])
    def test_takes_several_users(self, repeat):
        users: list[Any] = [UserFactory(), UserFactory(), UserFactory()]
        pairs = [make_pair(user) for user in users]
        first, second = users[0].get_username(), str(users[1].pk)
        both = ["--user", first, "--user", second] if repeat else ["--user", first, second]
        said = revoke(*both)
        assert [line.split(" of ")[0] for line in said.splitlines()] == ["Ended 1 session"] * 2
        ended = [session_of(pair).revoked_at is not None for pair in pairs]
        assert ended == [True, True, False]

    def test_names_a_user_who_is_given_twice_only_once(self, user, pair):
        said = revoke("--user", user.get_username(), "--user", str(user.pk))
        assert said.count("\n") == 1

    def test_ends_sessions_of_inactive_users_too(self, user, pair):
        get_user_model().objects.filter(pk=user.pk).update(is_active=False)
        assert revoke("--user", user.get_username()).startswith("Ended 1 session of ")

    @pytest.mark.parametrize("unknown", ["nobody@example.org", "0", "9" * 40, ""])
    def test_ends_nothing_while_a_name_is_unknown(self, user, pair, unknown):
        with pytest.raises(CommandError, match="There is no user with the name or primary key"):
            revoke("--user", user.get_username(), "--user", unknown)
        assert session_of(pair).revoked_at is None

    def test_says_that_nothing_was_live(self, user):
        revoke_session(make_pair(user).session, reason=RevokedReason.USER)
        assert revoke("--user", user.get_username()).startswith("Ended 0 sessions of ")


class TestRevokeOfAll:
    def test_signs_everybody_out(self):
        pairs = [make_pair() for _ in range(3)]
        assert revoke("--all", "--no-input") == "Ended 3 sessions.\n"
        assert {refused(pair.refresh) for pair in pairs} == {"session_revoked"}

    def test_leaves_alone_what_has_ended_by_itself(self, clock):
        old = make_pair()
        clock.move(HARD)
        make_pair()
        assert revoke("--all", "--noinput") == "Ended 1 session.\n"
        assert session_of(old).revoked_at is None

    @pytest.mark.parametrize("answer", ["yes", " yes "])
    def test_asks_first_and_takes_yes(self, pair, monkeypatch, answer):
        questions = answering(monkeypatch, answer)
        assert revoke("--all") == "Ended 1 session.\n"
        assert questions == [
            "This signs everybody out, on all their devices. Type 'yes' to go on: "
        ]

    @pytest.mark.parametrize("answer", ["", "no", "y", "YES!"])
    def test_takes_anything_else_for_no(self, pair, monkeypatch, answer):
        answering(monkeypatch, answer)
        with pytest.raises(CommandError, match="Nobody was signed out"):
            revoke("--all")
        assert session_of(pair).revoked_at is None

    def test_does_not_ask_where_nobody_can_answer(self, pair, monkeypatch):
        monkeypatch.setattr(sys, "stdin", StringIO("yes\n"))
        with pytest.raises(CommandError, match="takes --no-input"):
            revoke("--all")
        assert session_of(pair).revoked_at is None

    def test_never_asks_with_no_input(self, pair, monkeypatch):
        questions = answering(monkeypatch, "no")
        assert revoke("--all", "--no-input") == "Ended 1 session.\n"
        assert questions == []


class TestRevokeOptions:
    def test_a_reason_is_recorded(self, pair, user):
        revoke("--user", user.get_username(), "--reason", "lost laptop")
        assert session_of(pair).revoked_reason == "lost laptop"
        assert session_of(pair).events.get(kind="revoked").details == {"reason": "lost laptop"}

    def test_a_reason_may_fill_its_column(self, pair):
        revoke("--all", "--no-input", "--reason", "ä" * 64)
        assert session_of(pair).revoked_reason == "ä" * 64

    @pytest.mark.parametrize("reason", ["x" * 65, "", "  ", "two\nlines", "nul\x00"])
    def test_another_reason_is_refused(self, pair, reason):
        with pytest.raises(CommandError, match="the reason"):
            revoke("--all", "--no-input", "--reason", reason)
        assert session_of(pair).revoked_at is None

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            ([], "one of the arguments --user --all is required"),
            (["--no-input"], "one of the arguments --user --all is required"),
            (["--all", "--user", "somebody"], "not allowed with"),
            (["--user"], "expected at least one argument"),
        ],
    )
    def test_whose_sessions_must_be_clear(self, pair, arguments, complaint):
        with pytest.raises(CommandError, match=complaint):
            revoke(*arguments)
        assert session_of(pair).revoked_at is None

    @pytest.mark.parametrize("whose", ["user", "all"])
    def test_says_that_the_database_is_busy(self, user, monkeypatch, whose):
        monkeypatch.setattr(revoke_refresh_sessions, "revoke_sessions", busy)
        monkeypatch.setattr(revoke_refresh_sessions, "revoke_user_sessions", busy)
        arguments = ["--all", "--no-input"] if whose == "all" else ["--user", user.get_username()]
        with pytest.raises(CommandError, match=r"database is busy.* run this again"):
            revoke(*arguments)


class TestManySessions:
    """However many sessions there are, only a batch of them is in memory."""

    @pytest.fixture(autouse=True)
    def _small_batches(self, monkeypatch):
        monkeypatch.setattr(revoking, "BATCH_SIZE", 2)

    @pytest.mark.parametrize(("number", "looks"), [(0, 1), (1, 1), (2, 2), (4, 3), (5, 3)])
    def test_are_listed_batch_by_batch(self, number, looks):
        for _ in range(number):
            make_pair()
        with CaptureQueriesContext(connection) as queries:
            assert revoke("--all", "--no-input").startswith(f"Ended {number} ")
        lists = [query["sql"] for query in queries if " LIMIT " in query["sql"]]
        assert len(lists) == looks
        assert all(sql.endswith("LIMIT 2") for sql in lists)
        assert not DeviceSession.objects.filter(revoked_at=None).exists()

    def test_are_ended_in_whatever_order_they_were_asked_for(self):
        pairs = [make_pair() for _ in range(5)]
        newest_first = DeviceSession.objects.order_by("-created_at")
        with CaptureQueriesContext(connection) as queries:
            assert revoke_sessions(newest_first, reason="admin") == 5
        # None of them is listed twice, although all still belong to the queryset.
        assert sum(query["sql"].endswith("LIMIT 2") for query in queries) == 3
        assert all(session_of(pair).revoked_at for pair in pairs)

    def test_are_ended_within_the_bounds_of_a_slice(self, clock):
        pairs = []
        for _ in range(5):
            pairs.append(make_pair())
            clock.move(timedelta(seconds=1))
        oldest = DeviceSession.objects.order_by("created_at")[:3]
        assert revoke_sessions(oldest, reason="admin") == 3
        ended = [session_of(pair).revoked_at is not None for pair in pairs]
        assert ended == [True, True, True, False, False]


def answering(monkeypatch, answer) -> list[str]:
    """Put a person at the terminal who answers all questions like this."""
    questions: list[str] = []

    def ask(question):
        questions.append(question)
        return answer

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", ask)
    return questions
