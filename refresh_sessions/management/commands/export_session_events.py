"""``manage.py export_session_events``: writes session events as CSV."""

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
    """Writes the same CSV as the admin's download."""

    help = (
        "Writes session events as CSV, oldest first, to the standard output or to a new file. The "
        "columns are those of the admin's download; no cell starts a spreadsheet formula. The "
        "file contains personal data."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Define the options."""
        example = "2026-01-31, 2026-01-31T18:00Z, or 30d for 30 days ago"
        parser.add_argument(
            "--since", type=instant, metavar="TIME", help=f"Events at or after TIME: {example}."
        )
        parser.add_argument(
            "--until", type=instant, metavar="TIME", help="Events before TIME, as for --since."
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
            "--user", metavar="USER", help="Events of one user: user name, or else primary key."
        )
        parser.add_argument(
            "--output",
            type=Path,
            metavar="FILE",
            help="A new file that only its owner can read; removed after an error. Default: the "
            "standard output.",
        )

    def usage_problem(self, options: Mapping[str, Any]) -> str | None:
        """Require --since before --until."""
        since, until = options["since"], options["until"]
        empty = since and until and since >= until
        return "--since must be before --until." if empty else None

    def handle(self, *args: Any, output: Path | None, **options: Any) -> None:
        """Write the events, and their number to the standard error."""
        events, filters = _filter_events(**options)
        try:
            export = EventExport(events)
            _log("began, filter: %s", filters)
            with _new_file(output) if output else _standard_output(self.stdout) as write:
                for text in export:
                    # Some databases store lone surrogates, which UTF-8 cannot encode.
                    write(text.encode(errors="replace"))
        except DatabaseBusyError as error:
            raise CommandError(
                "The database is busy. The output is incomplete; please run this again."
            ) from error
        _log("ended after %d events", export.written)
        if options["verbosity"]:
            number = "1 event" if export.written == 1 else f"{export.written} events"
            self.stderr.write(f"Wrote {number}.", self.style.SUCCESS)


def _filter_events(
    *,
    since: datetime | None,
    until: datetime | None,
    kinds: Sequence[str] | None,
    user: object,
    **_: object,
) -> tuple[QuerySet[SessionEvent], str]:
    """The events, and the filters as text for the log."""
    filters = {
        "created_at__gte": since,
        "created_at__lt": until,
        "kind__in": sorted(set(kinds)) if kinds else None,
        "session__user": _find_key(user) if user is not None else None,
    }
    used = {name: value for name, value in filters.items() if value is not None}
    text = ", ".join(f"{name}={value}" for name, value in used.items())
    return SessionEvent.objects.filter(**used), text or "none"


def _find_key(name: object) -> object:
    user = find_user(name)
    if user is None:
        raise CommandError(no_user(name))
    return user.pk


@contextmanager
def _new_file(file: Path) -> Iterator[_Write]:
    """Create a file, and remove it after an error."""
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
    """Write bytes to the standard output, without its encoding and line endings."""
    binary = getattr(stdout, "buffer", None)
    if binary is None:
        yield lambda piece: stdout.write(piece.decode(), ending="")
        return
    try:
        yield binary.write
        binary.flush()
    except BrokenPipeError:
        # Python flushes the rest at exit, which would raise the error again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), binary.fileno())
        raise CommandError("The output is incomplete: its reader has closed the pipe.") from None


def _log(action: str, *details: object) -> None:
    # OWASP's logging vocabulary: "sensitive_read", level WARN.
    message = f"Export of session events by a command {action}"
    security_logger.warning(message, *details)
