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
from refresh_sessions.sessions import (
    refresh_session,
    revoke as sessions_revoke,
    revoke_session,
    revoke_sessions,
)
from tests.domain.client_actions import kinds, refused, session_of
from tests.factories import UserFactory, make_pair
from tests.management.calling import HARD, answering, busy, revoke
from tests.refusals import refuse_by_manager, set_refused

pytestmark = pytest.mark.django_db


class TestRevokeOfUsers:
    def test_revoke_command_by_username_revokes_active_sessions(self, user):
        pairs, other = [make_pair(user), make_pair(user)], make_pair()
        said = revoke("--user", user.get_username())
        assert said == f"Revoked 2 sessions of {user.get_username()} (primary key {user.pk}).\n"
        assert [refused(pair.refresh) for pair in pairs] == ["session_revoked"] * 2
        assert refresh_session(str(other.refresh)).family.generation == 2

    def test_revoke_command_records_reason_admin(self, pair, user):
        revoke("--user", user.get_username())
        assert session_of(pair).revoked_reason == RevokedReason.ADMIN
        assert session_of(pair).revoked_by is None
        assert kinds(pair) == ["signed_in", "revoked"]

    def test_revoke_command_finds_user_by_primary_key(self, pair, user):
        assert revoke("--user", str(user.pk)).startswith("Revoked 1 session of ")
        assert refused(pair.refresh) == "session_revoked"

    @pytest.mark.parametrize("attribute", ["username", "pk"])
    def test_revoke_command_finds_user_hidden_by_default_manager(
        self, attribute, pair, user, settings, options, monkeypatch
    ):
        refuse_by_manager(settings, options, monkeypatch)
        set_refused(user)
        name = user.get_username() if attribute == "username" else user.pk
        assert revoke("--user", str(name)).startswith("Revoked 1 session of ")
        assert session_of(pair).revoked_reason == RevokedReason.ADMIN

    def test_revoke_command_prefers_username_over_primary_key(self, user, pair):
        namesake: Any = UserFactory(username=str(user.pk))
        mistaken = make_pair(namesake)
        said = revoke("--user", str(user.pk))
        assert said == f"Revoked 1 session of {user.pk} (primary key {namesake.pk}).\n"
        assert refused(mistaken.refresh) == "session_revoked"
        assert session_of(pair).revoked_at is None

    @pytest.mark.parametrize("repeat", [True, False], ids=["option", "value"])
    def test_revoke_command_accepts_several_users(self, repeat):
        users: list[Any] = [UserFactory(), UserFactory(), UserFactory()]
        pairs = [make_pair(user) for user in users]
        first, second = users[0].get_username(), str(users[1].pk)
        both = ["--user", first, "--user", second] if repeat else ["--user", first, second]
        said = revoke(*both)
        assert [line.split(" of ")[0] for line in said.splitlines()] == ["Revoked 1 session"] * 2
        ended = [session_of(pair).revoked_at is not None for pair in pairs]
        assert ended == [True, True, False]

    def test_revoke_command_names_repeated_user_once(self, user, pair):
        said = revoke("--user", user.get_username(), "--user", str(user.pk))
        assert said.count("\n") == 1

    @pytest.mark.parametrize("whose", ["user", "all"])
    def test_revoke_command_does_not_count_sessions_of_inactive_user(self, user, pair, whose):
        get_user_model().objects.filter(pk=user.pk).update(is_active=False)
        others = ["--all", "--no-input"] if whose == "all" else ["--user", user.get_username()]
        assert revoke(*others).startswith("Revoked 0 sessions")
        assert session_of(pair).revoked_reason == RevokedReason.USER_INACTIVE

    @pytest.mark.parametrize("unknown", ["nobody@example.org", "0", "9" * 40, ""])
    def test_revoke_command_with_unknown_user_revokes_nothing(self, user, pair, unknown):
        with pytest.raises(CommandError, match="There is no user with the name or primary key"):
            revoke("--user", user.get_username(), "--user", unknown)
        assert session_of(pair).revoked_at is None

    def test_revoke_command_without_active_sessions_reports_zero(self, user):
        revoke_session(make_pair(user).session, reason=RevokedReason.USER)
        assert revoke("--user", user.get_username()).startswith("Revoked 0 sessions of ")


class TestRevokeOfAll:
    def test_revoke_all_command_revokes_each_session(self):
        pairs = [make_pair() for _ in range(3)]
        assert revoke("--all", "--no-input") == "Revoked 3 sessions.\n"
        assert {refused(pair.refresh) for pair in pairs} == {"session_revoked"}

    def test_revoke_all_command_leaves_expired_sessions(self, clock):
        old = make_pair()
        clock.move(HARD)
        make_pair()
        assert revoke("--all", "--noinput") == "Revoked 1 session.\n"
        assert session_of(old).revoked_at is None

    @pytest.mark.parametrize("answer", ["yes", " yes "])
    def test_revoke_all_command_asks_for_confirmation(self, pair, monkeypatch, answer):
        questions = answering(monkeypatch, answer)
        assert revoke("--all") == "Revoked 1 session.\n"
        assert questions == ["This revokes all sessions of all users. Type 'yes' to continue: "]

    @pytest.mark.parametrize("answer", ["", "no", "y", "YES!"])
    def test_revoke_all_command_with_other_answer_revokes_nothing(self, pair, monkeypatch, answer):
        answering(monkeypatch, answer)
        with pytest.raises(CommandError, match="No session was revoked"):
            revoke("--all")
        assert session_of(pair).revoked_at is None

    def test_revoke_all_command_without_terminal_fails(self, pair, monkeypatch):
        monkeypatch.setattr(sys, "stdin", StringIO("yes\n"))
        with pytest.raises(CommandError, match="requires --no-input"):
            revoke("--all")
        assert session_of(pair).revoked_at is None

    def test_revoke_all_command_with_no_input_does_not_ask(self, pair, monkeypatch):
        questions = answering(monkeypatch, "no")
        assert revoke("--all", "--no-input") == "Revoked 1 session.\n"
        assert questions == []


class TestRevokeOptions:
    def test_revoke_command_records_given_reason(self, pair, user):
        revoke("--user", user.get_username(), "--reason", "lost laptop")
        assert session_of(pair).revoked_reason == "lost laptop"
        assert session_of(pair).events.get(kind="revoked").details == {"reason": "lost laptop"}

    def test_revoke_command_accepts_longest_reason(self, pair):
        revoke("--all", "--no-input", "--reason", "ä" * 64)
        assert session_of(pair).revoked_reason == "ä" * 64

    @pytest.mark.parametrize("reason", ["x" * 65, "", "  ", "two\nlines", "nul\x00"])
    def test_revoke_command_with_invalid_reason_fails(self, pair, reason):
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
    def test_revoke_command_without_clear_target_fails(self, pair, arguments, complaint):
        with pytest.raises(CommandError, match=complaint):
            revoke(*arguments)
        assert session_of(pair).revoked_at is None

    @pytest.mark.parametrize("whose", ["user", "all"])
    def test_revoke_command_with_busy_database_fails_with_message(self, user, monkeypatch, whose):
        monkeypatch.setattr(revoke_refresh_sessions, "revoke_sessions", busy)
        monkeypatch.setattr(revoke_refresh_sessions, "revoke_user_sessions", busy)
        arguments = ["--all", "--no-input"] if whose == "all" else ["--user", user.get_username()]
        with pytest.raises(CommandError, match=r"database is busy.* run this again"):
            revoke(*arguments)


class TestManySessions:
    """The memory use is that of one batch, with any number of sessions."""

    @pytest.fixture(autouse=True)
    def _small_batches(self, monkeypatch):
        monkeypatch.setattr(sessions_revoke, "BATCH_SIZE", 2)

    @pytest.mark.parametrize(("number", "looks"), [(0, 1), (1, 1), (2, 2), (4, 3), (5, 3)])
    def test_revoke_all_command_reads_sessions_in_batches(self, number, looks):
        for _ in range(number):
            make_pair()
        with CaptureQueriesContext(connection) as queries:
            assert revoke("--all", "--no-input").startswith(f"Revoked {number} ")
        lists = [query["sql"] for query in queries if " LIMIT " in query["sql"]]
        assert len(lists) == looks
        assert all(sql.endswith("LIMIT 2") for sql in lists)
        assert not DeviceSession.objects.filter(revoked_at=None).exists()

    def test_revoking_ordered_queryset_revokes_each_session_once(self):
        pairs = [make_pair() for _ in range(5)]
        newest_first = DeviceSession.objects.order_by("-created_at")
        with CaptureQueriesContext(connection) as queries:
            assert revoke_sessions(newest_first, reason="admin") == 5
        # No session is read twice, although all still match the queryset.
        assert sum(query["sql"].endswith("LIMIT 2") for query in queries) == 3
        assert all(session_of(pair).revoked_at for pair in pairs)

    def test_revoking_sliced_queryset_revokes_the_slice(self, clock):
        pairs = []
        for _ in range(5):
            pairs.append(make_pair())
            clock.move(timedelta(seconds=1))
        oldest = DeviceSession.objects.order_by("created_at")[:3]
        assert revoke_sessions(oldest, reason="admin") == 3
        ended = [session_of(pair).revoked_at is not None for pair in pairs]
        assert ended == [True, True, True, False, False]
