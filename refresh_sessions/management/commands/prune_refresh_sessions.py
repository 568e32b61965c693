"""``manage.py prune_refresh_sessions``: deletes old rows; run it once a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from django.core.management.base import CommandError, CommandParser

from refresh_sessions.batches import MAX_BATCH_SIZE, PRUNE_BATCH_SIZE
from refresh_sessions.events.prune import count_prunable_events, prune_events
from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.management.arguments import batch_size, duration
from refresh_sessions.management.options import CheckedCommand
from refresh_sessions.sessions.prune import (
    RETENTION,
    count_prunable_sessions,
    prune_sessions,
    prune_short_lived,
)


class Command(CheckedCommand):
    """Deletes sessions some time after their hard deadline, and optionally old events."""

    help = (
        "Deletes device sessions with their token families and events, some time after their hard "
        "deadline. Sessions that were revoked or idle before stay until then, because the "
        "detection of reuse needs their rows. Unfinished logins are deleted as well. With "
        "--events-older-than, old events of remaining sessions are deleted as well."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Define the options."""
        parser.add_argument(
            "--older-than",
            type=duration,
            default=RETENTION,
            metavar="DURATION",
            help="Time after its hard deadline until a session is deleted: '30d', '12h', '90m', "
            f"'2w', '0', or ISO 8601 such as 'P30D'. Default: {RETENTION.days}d.",
        )
        parser.add_argument(
            "--batch-size",
            type=batch_size,
            default=PRUNE_BATCH_SIZE,
            metavar="N",
            help="Sessions or events per transaction, "
            f"1 to {MAX_BATCH_SIZE}. Default: {PRUNE_BATCH_SIZE}.",
        )
        parser.add_argument(
            "--events-older-than",
            type=duration,
            metavar="DURATION",
            help="Also delete events of remaining sessions after this time: '90d'. Events of "
            "sessions before their hard deadline stay. Default: all stay.",
        )
        parser.add_argument(
            "--include-events-of-active-sessions",
            action="store_true",
            help="With --events-older-than: events of sessions before their hard deadline as "
            "well.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Print the numbers of rows; delete nothing."
        )

    def usage_problem(self, options: Mapping[str, Any]) -> str | None:
        """Check all options before the first deletion."""
        events_older_than = options["events_older_than"]
        if events_older_than is None and options["include_events_of_active_sessions"]:
            return "--include-events-of-active-sessions requires --events-older-than."
        if events_older_than is not None and events_older_than < timedelta(0):
            return "argument --events-older-than: must not be negative."
        if options["older_than"] < timedelta(0):
            return "argument --older-than: must not be negative."
        return None

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete the rows and print their numbers."""
        self.quiet = options["verbosity"] == 0
        try:
            self._prune_sessions(**options)
            if options["events_older_than"] is not None:
                self._prune_events(**options)
        except DatabaseBusyError as error:
            raise CommandError(
                "The database is busy. Some rows are deleted, others not; please run this again."
            ) from error

    def _prune_sessions(
        self, *, older_than: timedelta, batch_size: int, dry_run: bool, **_: Any
    ) -> None:
        self._run(
            _describe_sessions,
            dry_run=dry_run,
            count=partial(count_prunable_sessions, older_than=older_than),
            prune=partial(prune_sessions, older_than=older_than, batch_size=batch_size),
        )
        if not dry_run:
            # Not reported: tickets and attempts have no lasting value.
            prune_short_lived()

    def _prune_events(
        self,
        *,
        events_older_than: timedelta,
        include_events_of_active_sessions: bool,
        batch_size: int,
        dry_run: bool,
        **_: Any,
    ) -> None:
        selection: Any = {
            "older_than": events_older_than,
            "of_active_sessions": include_events_of_active_sessions,
        }
        self._run(
            _describe_events,
            dry_run=dry_run,
            count=partial(count_prunable_events, **selection),
            prune=partial(prune_events, **selection, batch_size=batch_size),
        )

    def _run(
        self,
        describe: Callable[[int], str],
        *,
        dry_run: bool,
        count: Callable[[], int],
        prune: Callable[..., int],
    ) -> None:
        if dry_run:
            self._print(f"Would delete {describe(count())}.")
            return
        # A progress line only on a terminal, not in a log file.
        progress: Callable[[int], None] | None = None
        if self.stdout.isatty() and not self.quiet:
            progress = partial(self._show_progress, describe)
        total = prune(progress=progress)
        start = "\r" if progress else ""
        self._print(f"{start}Deleted {describe(total)}.")

    def _show_progress(self, describe: Callable[[int], str], deleted: int) -> None:
        self.stdout.write(f"\rDeleted {describe(deleted)}", ending="")
        self.stdout.flush()

    def _print(self, text: str) -> None:
        if not self.quiet:
            self.stdout.write(text)


def _describe_sessions(number: int) -> str:
    return f"{number} session" if number == 1 else f"{number} sessions"


def _describe_events(number: int) -> str:
    return f"{number} event" if number == 1 else f"{number} events"
