"""``export_session_events``: the record on the command line, for a file or for another program."""

import io
import logging
import os
import stat
import subprocess
import sys
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from refresh_sessions.events.export import COLUMNS, EventExport
from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.management.arguments import instant
from refresh_sessions.management.commands import export_session_events
from refresh_sessions.models import SessionEvent
from tests.admin.event_pages import rows_of
from tests.factories import UserFactory, make_pair

pytestmark = pytest.mark.django_db

HEADER = ("\ufeff" + ",".join(f'"{name}"' for name in COLUMNS) + "\r\n").encode()


class Pipe(io.StringIO):
    """An output that takes bytes, as a real one does."""

    def __init__(self):
        super().__init__()
        self.buffer = io.BytesIO()


def export(*arguments, **options):
    out, err = Pipe(), io.StringIO()
    call_command("export_session_events", *arguments, stdout=out, stderr=err, **options)
    assert out.getvalue() == ""
    return out.buffer.getvalue(), err.getvalue()


def exported(*arguments):
    content, _ = export(*arguments)
    return rows_of(content)


@pytest.fixture
def user():
    return UserFactory.create()


@pytest.fixture
def session(user):
    return make_pair(user, name="Grüner Läufer").session


def add(session, kind="revoked", **fields):
    return SessionEvent.objects.create(
        **{"session": session, "kind": kind, "created_at": timezone.now(), **fields}
    )


class TestWhat:
    def test_is_the_file_of_the_admin(self, session):
        add(session, details={"user_agent": "=1+1"})
        content, said = export()
        assert content == "".join(EventExport(SessionEvent.objects.all())).encode()
        assert content.startswith(HEADER)
        assert said == "Wrote 2 events.\n"

    def test_of_nothing_is_the_header(self):
        assert export() == (HEADER, "Wrote 0 events.\n")

    def test_keeps_quiet_if_told_to(self, session):
        assert export(verbosity=0)[1] == ""
        assert export()[1] == "Wrote 1 event.\n"

    def test_reaches_an_output_that_takes_text_alone(self, session):
        out = io.StringIO(newline="")
        call_command("export_session_events", stdout=out, stderr=io.StringIO())
        assert out.getvalue().encode().startswith(HEADER)
        assert "Grüner Läufer" in out.getvalue()

    @pytest.mark.parametrize("text", ["-1", "x\ud800"])
    def test_takes_any_text(self, session, text, monkeypatch):
        pieces = type("Pieces", (list,), {"written": 1})
        monkeypatch.setattr(export_session_events, "EventExport", lambda _: pieces([text]))
        assert export()[0] == text.encode(errors="replace")


class TestWhich:
    def test_by_period(self, session):
        SessionEvent.objects.all().delete()
        days = [datetime(2026, 1, day, tzinfo=UTC) for day in (30, 31)]
        instants = [*days, days[1] - timedelta(microseconds=1)]
        for at in instants:
            add(session, created_at=at)
        first, second, last_of_first = [f"{at:%Y-%m-%dT%H:%M:%S.%fZ}" for at in instants]

        def times(*arguments):
            return {row["time"] for row in exported(*arguments)}

        assert times("--since", "2026-01-31") == {second}
        assert times("--until", "2026-01-31") == {first, last_of_first}
        assert times("--since", "2026-01-30T00:00:00.000001Z", "--until", "2026-01-31") == {
            last_of_first
        }

    def test_by_how_long_ago(self, session):
        add(session, created_at=timezone.now() - timedelta(days=3))
        assert len(exported("--since", "4d")) == 2
        assert len(exported("--since", "2d")) == 1
        assert [row["kind"] for row in exported("--until", "2d")] == ["revoked"]

    @pytest.mark.parametrize("repeat", [True, False], ids=["option", "value"])
    def test_by_kind(self, session, repeat):
        for kind in ("revoked", "family_opened"):
            add(session, kind)
        between = ["--kind"] if repeat else []
        rows = exported("--kind", "revoked", *between, "signed_in")
        assert [row["kind"] for row in rows] == ["signed_in", "revoked"]

    def test_by_user(self, user, session):
        make_pair()
        for name in (user.get_username(), str(user.pk)):
            assert [row["session_id"] for row in exported("--user", name)] == [str(session.pk)]

    def test_unless_there_is_no_such_user(self):
        with pytest.raises(CommandError, match="no user with the name or primary key 'nobody'"):
            export("--user", "nobody")

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            (["--since", "yesterday"], "'yesterday' is not a time"),
            (["--until", "2026-02-30"], "'2026-02-30' is not a time"),
            (["--kind", "nonsense"], "invalid choice: 'nonsense'"),
            (["--since", "1d", "--until", "2d"], "--since must be before --until"),
        ],
    )
    def test_says_what_makes_no_sense(self, arguments, complaint):
        with pytest.raises(CommandError, match=complaint):
            export(*arguments)


class TestInstant:
    @pytest.mark.parametrize(
        ("text", "meant"),
        [
            ("2026-01-31", "2026-01-31T00:00:00+01:00"),
            ("2026-07-31", "2026-07-31T00:00:00+02:00"),
            (" 2026-01-31 18:00", "2026-01-31T18:00:00+01:00"),
            ("2026-01-31T18:00Z", "2026-01-31T18:00:00+00:00"),
            ("2026-01-31T18:00:01.5-05:00", "2026-01-31T18:00:01.500000-05:00"),
        ],
    )
    def test_is_of_the_time_zone_unless_it_says_another(self, settings, text, meant):
        settings.TIME_ZONE = "Europe/Berlin"
        assert instant(text) == datetime.fromisoformat(meant)

    @pytest.mark.parametrize("text", ["", "30", "2026", "2026-13-01", "99999999999d", "now"])
    def test_is_not_any_text(self, text):
        with pytest.raises(ArgumentTypeError, match="is not a time"):
            instant(text)


class TestFile:
    @pytest.fixture
    def file(self, tmp_path):
        return tmp_path / "events.csv"

    def test_holds_the_same(self, file, session):
        whole, _ = export()
        content, said = export("--output", str(file))
        assert (content, said) == (b"", "Wrote 1 event.\n")
        assert file.read_bytes() == whole

    @pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
    def test_is_for_its_owner_alone(self, file):
        export("--output", str(file))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_is_never_written_over(self, file):
        file.write_text("what was here")
        with pytest.raises(CommandError, match="exists and was not changed"):
            export("--output", str(file))
        assert file.read_text() == "what was here"

    def test_must_have_a_folder(self, file):
        with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
            export("--output", str(file / "deeper"))

    def test_is_gone_if_it_cannot_become_the_whole(self, file, session, monkeypatch):
        def busy(*_):
            raise DatabaseBusyError

        monkeypatch.setattr(EventExport, "_read_batch", busy)
        with pytest.raises(CommandError, match="The database is busy"):
            export("--output", str(file))
        assert not file.exists()

    def test_is_gone_if_the_disk_is_full(self, file, session, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(EventExport, "_read_batch", full)
        with pytest.raises(CommandError, match="cannot be written: No space left on device"):
            export("--output", str(file))
        assert not file.exists()


class TestReader:
    def test_that_leaves_early_is_told_of(self, session, capfd):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w", encoding="ascii") as out:
            with pytest.raises(CommandError, match="its reader has closed the pipe"):
                call_command("export_session_events", stdout=out, stderr=io.StringIO())
            out.write("what follows")
            # Goes nowhere, and does no harm.
            out.flush()


class TestLog:
    def test_says_what_was_taken(self, user, session, caplog):
        caplog.set_level(logging.INFO, logger="refresh_sessions.security")
        export("--kind", "signed_in", "--user", user.get_username(), "--since", "2026-01-31")
        lines = [(record.levelname, record.getMessage()) for record in caplog.records]
        start = "Export of session events by a command"
        since, kinds = "2026-01-31 00:00:00+00:00", "['signed_in']"
        chosen = f"created_at__gte={since}, kind__in={kinds}, session__user={user.pk}"
        assert lines[-2:] == [
            ("WARNING", f"{start} began, filter: {chosen}"),
            ("WARNING", f"{start} ended after 1 events"),
        ]


def test_help_names_every_kind():
    done = subprocess.run(
        [sys.executable, "manage.py", "export_session_events", "--help"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "reauthentication_failed" in done.stdout.replace("\n", "")
