"""``manage.py export_session_events``: the record as CSV, to keep elsewhere or to hand over."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import QuerySet

from refresh_sessions.events.export import EventExport
from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.management.arguments import find_user, instant, no_user
from refresh_sessions.management.files import create
from refresh_sessions.management.options import CheckedCommand
from refresh_sessions.models import EventKind, SessionEvent

security_logger = logging.getLogger("refresh_sessions.security")

_Write = Callable[[bytes], object]


class Command(CheckedCommand):
    """Writes the same file as the admin's download."""

    help = (
        "Writes security events as CSV, the oldest first, to the standard output or to a new "
        "file. It has the columns of the admin's download, and like that no cell that a "
        "spreadsheet takes for a formula. The file holds personal data."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Define the options."""
        when = "2026-01-31, 2026-01-31T18:00Z, or 30d for so long ago"
        parser.add_argument(
            "--since", type=instant, metavar="TIME", help=f"Events from then on: {when}."
        )
        parser.add_argument(
            "--until", type=instant, metavar="TIME", help="Events before that, written alike."
        )
        parser.add_argument(
            "--kind",
            dest="kinds",
            action="extend",
            nargs="+",
            choices=EventKind.values,
            metavar="KIND",
            help=f"Events of these kinds: {', '.join(EventKind.values)}. Default: all.",
        )
        parser.add_argument(
            "--user", metavar="USER", help="Events of one user: the user name, or else the key."
        )
        parser.add_argument(
            "--output",
            type=Path,
            metavar="FILE",
            help="A new file, which its owner alone may read. It is removed if it cannot become "
            "the whole. Default: the standard output.",
        )

    def usage_problem(self, options: Mapping[str, Any]) -> str | None:
        """An interval has to begin before it ends."""
        since, until = options["since"], options["until"]
        empty = since and until and since >= until
        return "--since must be before --until." if empty else None

    def handle(self, *args: Any, output: Path | None, **options: Any) -> None:
        """Write, and say on the standard error how many those were."""
        events, chosen = _choose(**options)
        try:
            export = EventExport(events)
            _log("began, filter: %s", chosen)
            with _whole_file(output) if output else _standard_output(self.stdout) as write:
                for text in export:
                    # Half a surrogate pair, which some databases store, ends nothing.
                    write(text.encode(errors="replace"))
        except DatabaseBusyError as error:
            raise CommandError(
                "The database is busy. What was written is not the whole; please run this again."
            ) from error
        _log("ended after %d events", export.written)
        if options["verbosity"]:
            number = "1 event" if export.written == 1 else f"{export.written} events"
            self.stderr.write(f"Wrote {number}.", self.style.SUCCESS)


def _choose(
    *,
    since: datetime | None,
    until: datetime | None,
    kinds: Sequence[str] | None,
    user: object,
    **_: object,
) -> tuple[QuerySet[SessionEvent], str]:
    """The events, and in words for the log by what they were chosen."""
    wanted = {
        "created_at__gte": since,
        "created_at__lt": until,
        "kind__in": sorted(set(kinds)) if kinds else None,
        "session__user": _find_key(user) if user is not None else None,
    }
    chosen = {name: value for name, value in wanted.items() if value is not None}
    in_words = ", ".join(f"{name}={value}" for name, value in chosen.items())
    return SessionEvent.objects.filter(**chosen), in_words or "none"


def _find_key(name: object) -> object:
    user = find_user(name)
    if user is None:
        raise CommandError(no_user(name))
    return user.pk


@contextmanager
def _whole_file(file: Path) -> Iterator[_Write]:
    """A new file that is gone again if anything goes wrong before its end."""
    with create(file) as stream:
        try:
            yield stream.write
            stream.flush()
        except BaseException as error:
            file.unlink()
            if isinstance(error, OSError):
                raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
            raise


@contextmanager
def _standard_output(stdout: Any) -> Iterator[_Write]:
    """The bytes of the file, whatever encoding and line ends a terminal has."""
    binary = getattr(stdout, "buffer", None)
    if binary is None:
        yield lambda piece: stdout.write(piece.decode(), ending="")
        return
    try:
        yield binary.write
        binary.flush()
    except BrokenPipeError:
        # What is still held for the reader that is gone, Python would try to write at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), binary.fileno())
        raise CommandError("What was written is not the whole: its reader has gone.") from None


def _log(what: str, *details: object) -> None:
    # A "sensitive_read" in the words of OWASP's vocabulary for logs, of level WARN.
    message = f"Export of session events by a command {what}"
    security_logger.warning(message, *details)
