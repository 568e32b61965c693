"""``revoke_refresh_sessions``."""

import sys
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refresh_sessions.management.commands import revoke_refresh_sessions
from refresh_sessions.models import DeviceSession, RevokedReason
from refresh_sessions.sessions import refresh_session, revoke_session, revoke_sessions
from refresh_sessions.sessions import revoke as sessions_revoke
from tests.domain.stories import kinds, refused, session_of
from tests.factories import UserFactory, make_pair
from tests.management.calling import HARD, answering, busy, revoke
from tests.refusals import refuse_by_manager, set_refused

pytestmark = pytest.mark.django_db


class TestRevokeOfUsers:
    def test_ends_the_live_sessions_of_a_user_by_name(self, user):
        pairs, other = [make_pair(user), make_pair(user)], make_pair()
        said = revoke("--user", user.get_username())
        assert said == f"Revoked 2 sessions of {user.get_username()} (primary key {user.pk}).\n"
        assert [refused(pair.refresh) for pair in pairs] == ["session_revoked"] * 2
        assert refresh_session(str(other.refresh)).family.generation == 2

    def test_records_an_end_by_staff(self, pair, user):
        revoke("--user", user.get_username())
        assert session_of(pair).revoked_reason == RevokedReason.ADMIN
        assert session_of(pair).revoked_by is None
        assert kinds(pair) == ["signed_in", "revoked"]

    def test_finds_a_user_by_primary_key(self, pair, user):
        assert revoke("--user", str(user.pk)).startswith("Revoked 1 session of ")
        assert refused(pair.refresh) == "session_revoked"

    @pytest.mark.parametrize("attribute", ["username", "pk"])
    def test_user_hidden_by_default_manager_is_found(
        self, attribute, pair, user, settings, options, monkeypatch
    ):
        refuse_by_manager(settings, options, monkeypatch)
        set_refused(user)
        name = user.get_username() if attribute == "username" else user.pk
        assert revoke("--user", str(name)).startswith("Revoked 1 session of ")
        assert session_of(pair).revoked_reason == RevokedReason.ADMIN

    def test_takes_a_name_for_a_name_even_if_it_is_another_users_key(self, user, pair):
        namesake: Any = UserFactory(username=str(user.pk))
        mistaken = make_pair(namesake)
        said = revoke("--user", str(user.pk))
        assert said == f"Revoked 1 session of {user.pk} (primary key {namesake.pk}).\n"
        assert refused(mistaken.refresh) == "session_revoked"
        assert session_of(pair).revoked_at is None

    @pytest.mark.parametrize("repeat", [True, False], ids=["option", "value"])
    def test_takes_several_users(self, repeat):
        users: list[Any] = [UserFactory(), UserFactory(), UserFactory()]
        pairs = [make_pair(user) for user in users]
        first, second = users[0].get_username(), str(users[1].pk)
        both = ["--user", first, "--user", second] if repeat else ["--user", first, second]
        said = revoke(*both)
        assert [line.split(" of ")[0] for line in said.splitlines()] == ["Revoked 1 session"] * 2
        ended = [session_of(pair).revoked_at is not None for pair in pairs]
        assert ended == [True, True, False]

    def test_names_a_user_who_is_given_twice_only_once(self, user, pair):
        said = revoke("--user", user.get_username(), "--user", str(user.pk))
        assert said.count("\n") == 1

    @pytest.mark.parametrize("whose", ["user", "all"])
    def test_revoke_sessions_of_an_inactive_user_are_revoked_and_not_counted(
        self, user, pair, whose
    ):
        get_user_model().objects.filter(pk=user.pk).update(is_active=False)
        others = ["--all", "--no-input"] if whose == "all" else ["--user", user.get_username()]
        assert revoke(*others).startswith("Revoked 0 sessions")
        assert session_of(pair).revoked_reason == RevokedReason.USER_INACTIVE

    @pytest.mark.parametrize("unknown", ["nobody@example.org", "0", "9" * 40, ""])
    def test_ends_nothing_while_a_name_is_unknown(self, user, pair, unknown):
        with pytest.raises(CommandError, match="There is no user with the name or primary key"):
            revoke("--user", user.get_username(), "--user", unknown)
        assert session_of(pair).revoked_at is None

    def test_says_that_nothing_was_live(self, user):
        revoke_session(make_pair(user).session, reason=RevokedReason.USER)
        assert revoke("--user", user.get_username()).startswith("Revoked 0 sessions of ")


class TestRevokeOfAll:
    def test_signs_everybody_out(self):
        pairs = [make_pair() for _ in range(3)]
        assert revoke("--all", "--no-input") == "Revoked 3 sessions.\n"
        assert {refused(pair.refresh) for pair in pairs} == {"session_revoked"}

    def test_leaves_alone_what_has_ended_by_itself(self, clock):
        old = make_pair()
        clock.move(HARD)
        make_pair()
        assert revoke("--all", "--noinput") == "Revoked 1 session.\n"
        assert session_of(old).revoked_at is None

    @pytest.mark.parametrize("answer", ["yes", " yes "])
    def test_asks_first_and_takes_yes(self, pair, monkeypatch, answer):
        questions = answering(monkeypatch, answer)
        assert revoke("--all") == "Revoked 1 session.\n"
        assert questions == ["This revokes all sessions of all users. Type 'yes' to continue: "]

    @pytest.mark.parametrize("answer", ["", "no", "y", "YES!"])
    def test_takes_anything_else_for_no(self, pair, monkeypatch, answer):
        answering(monkeypatch, answer)
        with pytest.raises(CommandError, match="No session was revoked"):
            revoke("--all")
        assert session_of(pair).revoked_at is None

    def test_does_not_ask_where_nobody_can_answer(self, pair, monkeypatch):
        monkeypatch.setattr(sys, "stdin", StringIO("yes\n"))
        with pytest.raises(CommandError, match="requires --no-input"):
            revoke("--all")
        assert session_of(pair).revoked_at is None

    def test_never_asks_with_no_input(self, pair, monkeypatch):
        questions = answering(monkeypatch, "no")
        assert revoke("--all", "--no-input") == "Revoked 1 session.\n"
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
        monkeypatch.setattr(sessions_revoke, "BATCH_SIZE", 2)

    @pytest.mark.parametrize(("number", "looks"), [(0, 1), (1, 1), (2, 2), (4, 3), (5, 3)])
    def test_are_listed_batch_by_batch(self, number, looks):
        for _ in range(number):
            make_pair()
        with CaptureQueriesContext(connection) as queries:
            assert revoke("--all", "--no-input").startswith(f"Revoked {number} ")
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
