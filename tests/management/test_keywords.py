"""Each option of each command, on the command line and by keyword from ``call_command``."""

import re
import sys
from argparse import _SubParsersAction
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import (
    CommandError,
    call_command,
    execute_from_command_line,
    load_command_class,
)

from refresh_sessions.management.options import CheckedCommand
from refresh_sessions.models import DeviceSession, EventKind, RevokedReason
from tests.factories import UserFactory, make_pair
from tests.management.calling import Terminal

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(
    path.stem
    for path in (ROOT / "refresh_sessions/management/commands").glob("*.py")
    if path.stem != "__init__"
)

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NAMES = ["ada@example.org", "bob@example.org"]

# Command with its sub-command, option, words on the command line, the same by keyword in several
# forms, and further options that the command requires.
OPTIONS = [
    (
        "prune_refresh_sessions",
        "older_than",
        ["--older-than", "1d"],
        ["1d", "1 00:00:00", DAY],
        {},
    ),
    ("prune_refresh_sessions", "older_than", ["--older-than", "0"], ["0", 0, timedelta(0)], {}),
    ("prune_refresh_sessions", "batch_size", ["--batch-size", "7"], ["7", 7], {}),
    (
        *("prune_refresh_sessions", "events_older_than"),
        *(["--events-older-than", "90d"], ["90d", "P90D", 90 * DAY], {}),
    ),
    (
        *(
            "prune_refresh_sessions",
            "include_events_of_active_sessions",
            ["--include-events-of-active-sessions"],
            [True],
        ),
        {"events_older_than": "1d"},
    ),
    ("prune_refresh_sessions", "dry_run", ["--dry-run"], [True], {}),
    ("revoke_refresh_sessions", "user", ["--user", NAMES[0]], [NAMES[0], NAMES[:1]], {}),
    (
        *("revoke_refresh_sessions", "user", ["--user", *NAMES]),
        *([NAMES, tuple(NAMES), iter(NAMES)], {}),
    ),
    ("revoke_refresh_sessions", "all", ["--all"], [True], {"no_input": True}),
    (
        *("revoke_refresh_sessions", "reason", ["--reason", "admin"]),
        *(["admin", RevokedReason.ADMIN], {"user": NAMES[0]}),
    ),
    ("revoke_refresh_sessions", "no_input", ["--no-input"], [True], {"all": True}),
    ("export_session_events", "since", ["--since", "2026-01-31"], ["2026-01-31"], {}),
    (
        *("export_session_events", "since", ["--since", "2026-01-31T12:00Z"]),
        *([NOON, "2026-01-31T12:00Z", NOON.isoformat()], {}),
    ),
    (
        *("export_session_events", "until", ["--until", "2026-01-31"]),
        *([date(2026, 1, 31), datetime(2026, 1, 31)], {}),  # noqa: DTZ001  (made aware)
    ),
    (
        *("export_session_events", "kind", ["--kind", "revoked"]),
        *(["revoked", ["revoked"], EventKind.REVOKED], {}),
    ),
    (
        *("export_session_events", "kind", ["--kind", "revoked", "signed_in"]),
        *([["revoked", "signed_in"]], {}),
    ),
    ("export_session_events", "user", ["--user", NAMES[0]], [NAMES[0]], {}),
    (
        "export_session_events",
        "output",
        ["--output", "events.csv"],
        ["events.csv", Path("events.csv")],
        {},
    ),
    ("manage_session_keys generate", "algorithm", ["--algorithm", "HS256"], ["HS256"], {}),
    (
        *("manage_session_keys generate", "file", ["--file", "k.pem"]),
        *(["k.pem", Path("k.pem")], {}),
    ),
    (
        *("manage_session_keys generate", "setting", ["--setting", "REFRESH_KEYS"]),
        *(["REFRESH_KEYS"], {}),
    ),
    (
        *("manage_session_keys rotate", "algorithm", ["--algorithm", "HS256"], ["HS256"]),
        {"file": "k.pem"},
    ),
    (
        *("manage_session_keys rotate", "file", ["--file", "k.pem"]),
        *(["k.pem", Path("k.pem")], {}),
    ),
    (
        *("manage_session_keys rotate", "setting", ["--setting", "REFRESH_KEYS"]),
        *(["REFRESH_KEYS"], {"file": "k.pem"}),
    ),
    ("manage_session_keys client", "name", ["--name", "billing"], ["billing"], {}),
]

WRONG = [
    ("prune_refresh_sessions", {"batch_size": 0}, "must be between 1 and 10000, not 0"),
    ("prune_refresh_sessions", {"batch_size": "0"}, "must be between 1 and 10000, not 0"),
    ("prune_refresh_sessions", {"batch_size": -5}, "must be between 1 and 10000, not -5"),
    ("prune_refresh_sessions", {"batch_size": 0, "dry_run": True}, "must be between 1 and 10000"),
    ("prune_refresh_sessions", {"batch_size": "many"}, "invalid int value: 'many'"),
    ("prune_refresh_sessions", {"batch_size": 1.5}, "invalid int value"),
    ("prune_refresh_sessions", {"batch_size": True}, "invalid int value"),
    ("prune_refresh_sessions", {"older_than": 30}, "has no unit: write 30d"),
    ("prune_refresh_sessions", {"older_than": "soon"}, "is not a duration"),
    ("prune_refresh_sessions", {"older_than": -DAY}, "must not be negative"),
    ("prune_refresh_sessions", {"events_older_than": -DAY}, "must not be negative"),
    ("prune_refresh_sessions", {"include_events_of_active_sessions": True}, "--events-older-than"),
    ("prune_refresh_sessions", {"dry_run": "False"}, "must be True or False"),
    ("revoke_refresh_sessions", {}, "one of the arguments --user --all is required"),
    ("revoke_refresh_sessions", {"user": []}, "one of the arguments --user --all is required"),
    ("revoke_refresh_sessions", {"all": False}, "one of the arguments --user --all is required"),
    ("revoke_refresh_sessions", {"all": True, "user": "ada"}, "not allowed with"),
    ("revoke_refresh_sessions", {"user": "ada", "reason": "x" * 65}, "at most 64 characters"),
    ("revoke_refresh_sessions", {"user": "ada", "reason": "a\nb"}, "a line of text"),
    ("export_session_events", {"since": "someday"}, "is not a time"),
    ("export_session_events", {"since": NOON, "until": NOON}, "--since must be before --until"),
    ("export_session_events", {"kind": "nonsense"}, "invalid choice: 'nonsense'"),
    ("export_session_events", {"kind": ["revoked", "nonsense"]}, "invalid choice: 'nonsense'"),
    ("manage_session_keys", {}, "arguments are required: subcommand"),
    ("manage_session_keys nonsense", {}, "invalid choice: 'nonsense'"),
    ("manage_session_keys generate", {"algorithm": "ES257"}, "invalid choice: 'ES257'"),
    ("manage_session_keys list", {"algorithm": "HS256"}, "--algorithm: not an option of 'list'"),
    ("manage_session_keys client", {"name": "billing", "file": "k"}, "--file"),
    ("manage_session_keys rotate", {}, "arguments are required: --file"),
    ("manage_session_keys rotate", {"file": None}, "--file: must not be None"),
    ("manage_session_keys client", {}, "arguments are required: --name"),
    ("manage_session_keys client", {"name": "a b"}, "has a client 'a b'"),
]


@pytest.fixture
def received(monkeypatch):
    """Return the options that the command receives, without running it."""

    def receive(name, /, *arguments, **options):
        seen = {}
        name, *subcommand = name.split()
        command = load_command_class("refresh_sessions", name)
        monkeypatch.setattr(command, "handle", lambda *args, **read: seen.update(read))
        call_command(command, *subcommand, *arguments, **options)
        return {key: value for key, value in seen.items() if key != "skip_checks"}

    return receive


@pytest.mark.parametrize(("name", "option", "words", "values", "more"), OPTIONS)
def test_keyword_option_equals_command_line_option(received, name, option, words, values, more):
    expected = received(name, *words, **more)
    for value in values:
        assert received(name, **{option: value}, **more) == expected


def parsers():
    """The parser of each command, or of each of its sub-commands, by name."""
    for name in COMMANDS:
        command = load_command_class("refresh_sessions", name)
        assert isinstance(command, CheckedCommand)
        parser = command.create_parser("manage.py", name)
        subcommands = {
            f"{name} {subcommand}": subparser
            for action in parser._actions
            if isinstance(action, _SubParsersAction)
            for subcommand, subparser in action.choices.items()
        }
        yield from (subcommands or {name: parser}).items()


def test_keyword_tests_cover_each_command_option():
    djangos = {"help", "version", "verbosity", "settings", "pythonpath", "traceback"}
    djangos |= {"no_color", "force_color", "skip_checks"}
    for name, parser in parsers():
        theirs = {
            min(action.option_strings, default=action.dest).lstrip("-").replace("-", "_")
            for action in parser._actions
        }
        tried = {option for tried_name, option, *_ in OPTIONS if tried_name == name}
        assert {known.replace("__", "") for known in theirs} - {"h", *djangos} == tried


REQUIRED = {
    "revoke_refresh_sessions": {"user": "ada"},
    "manage_session_keys rotate": {"file": "k.pem"},
    "manage_session_keys client": {"name": "billing"},
}


@pytest.mark.parametrize(("name", "option", "words", "values", "more"), OPTIONS)
def test_keyword_option_none_has_default(received, name, option, words, values, more):
    needed = REQUIRED.get(name, {})
    if option not in needed:
        assert received(name, **{**needed, option: None}) == received(name, **needed)


class TestSubcommand:
    """Django's own options, before and after a sub-command."""

    def test_common_option_after_subcommand_is_accepted(self, received):
        assert received("manage_session_keys list", "-v", "0")["verbosity"] == 0
        assert received("manage_session_keys list", verbosity=0)["verbosity"] == 0

    def test_common_option_before_subcommand_is_kept(self, received):
        assert received("manage_session_keys", "-v", "3", "list")["verbosity"] == 3

    def test_subcommand_receives_its_own_options_only(self, received):
        assert not received("manage_session_keys list").keys() & {"file", "algorithm", "name"}

    def test_help_lists_options_of_the_subcommand_alone(self):
        names = {name: parser.format_help() for name, parser in parsers()}
        assert "--algorithm" in names["manage_session_keys generate"]
        assert "--name" not in names["manage_session_keys generate"]
        assert "--algorithm" not in names["manage_session_keys list"]
        assert "--settings" not in names["manage_session_keys list"]


@pytest.mark.parametrize(("name", "options", "complaint"), WRONG)
def test_wrong_keyword_option_is_refused_before_execution(received, name, options, complaint):
    with pytest.raises(CommandError, match=complaint):
        received(name, **options)


@pytest.mark.django_db
class TestFromPython:
    """The calls in the documentation."""

    def test_prune_from_python_accepts_duration_as_text(self, clock, pair):
        clock.move(timedelta(days=40))
        out = StringIO()
        call_command("prune_refresh_sessions", older_than="30d", stdout=out)
        assert out.getvalue() == "Deleted 1 session.\n"

    @pytest.mark.parametrize("by", ["name", "key", "text of the key", "user"])
    def test_revoke_from_python_accepts_one_user(self, pair, user, by):
        make_pair()
        forms = {"name": user.get_username(), "key": user.pk, "user": user}
        out = StringIO()
        call_command("revoke_refresh_sessions", user=forms.get(by, str(user.pk)), stdout=out)
        assert out.getvalue().startswith("Revoked 1 session of ")
        assert DeviceSession.objects.active().count() == 1

    def test_revoke_from_python_accepts_queryset_of_users(self, pair):
        make_pair()
        users = get_user_model()._default_manager.all()
        call_command("revoke_refresh_sessions", user=users, stdout=StringIO())
        assert not DeviceSession.objects.active().exists()

    @pytest.mark.parametrize("quiet", [{"no_input": True}, {"interactive": False}])
    def test_revoke_all_from_python_without_input_does_not_ask(self, pair, monkeypatch, quiet):
        monkeypatch.setattr(sys, "stdin", Terminal())
        monkeypatch.setattr("builtins.input", pytest.fail)
        call_command("revoke_refresh_sessions", all=True, **quiet, stdout=StringIO())
        assert not DeviceSession.objects.active().exists()

    @pytest.mark.parametrize("asking", [{}, {"no_input": False}, {"interactive": True}])
    def test_revoke_all_from_python_asks_by_default(self, pair, monkeypatch, asking):
        monkeypatch.setattr(sys, "stdin", Terminal())
        monkeypatch.setattr("builtins.input", lambda question: "no")
        with pytest.raises(CommandError, match="No session was revoked"):
            call_command("revoke_refresh_sessions", all=True, **asking)
        assert DeviceSession.objects.active().exists()

    def test_export_from_python_accepts_user(self, pair, tmp_path):
        UserFactory()
        user, file = pair.session.user, tmp_path / "events.csv"
        call_command("export_session_events", user=user, output=file, stderr=StringIO())
        assert file.read_text("utf-8").count("\n") == 2


@pytest.mark.parametrize(
    "words",
    [
        ["prune_refresh_sessions", "--batch-size", "0"],
        ["prune_refresh_sessions", "--batch-size=-1"],
        ["prune_refresh_sessions", "--batch-size", "0", "--dry-run"],
        ["prune_refresh_sessions", "--include-events-of-active-sessions"],
        ["revoke_refresh_sessions"],
        ["export_session_events", "--since", "2026-02-01", "--until", "2026-01-01"],
        ["manage_session_keys"],
        ["manage_session_keys", "rotate"],
        ["manage_session_keys", "list", "--file", "k.pem"],
    ],
    ids=" ".join,
)
def test_wrong_command_line_option_is_a_usage_error(words, capsys):
    with pytest.raises(SystemExit) as ended:
        execute_from_command_line(["manage.py", *words])
    assert ended.value.code == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"usage: manage.py {words[0]}")
    assert re.search(rf"manage\.py {words[0]}( rotate)?: error: ", shown)
