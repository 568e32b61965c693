"""``manage.py prune_refresh_sessions``: meant to be run once a day, by cron or the like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from django.core.management.base import CommandError, CommandParser

from refresh_sessions.batches import BATCH_SIZE, MAX_BATCH_SIZE
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
    """Deletes sessions that reached their hard expiry long ago, and old events if asked to."""

    help = (
        "Deletes device sessions, with their token families and events, some time after their "
        "hard expiry. Sessions that were revoked or lay idle earlier stay until then: it takes "
        "their rows to notice that a used refresh token comes back. Sign-ins that nobody finished "
        "are deleted too. With --events-older-than, deletes old events of sessions that stay as "
        "well."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Define the options."""
        parser.add_argument(
            "--older-than",
            type=duration,
            default=RETENTION,
            metavar="DURATION",
            help="How long after its hard expiry a session is deleted: '30d', '12h', '90m', "
            f"'2w', '0', or ISO 8601 such as 'P30D'. Default: {RETENTION.days}d.",
        )
        parser.add_argument(
            "--batch-size",
            type=batch_size,
            default=BATCH_SIZE,
            metavar="N",
            help="Sessions, or events, per transaction, "
            f"1 to {MAX_BATCH_SIZE}. Default: {BATCH_SIZE}.",
        )
        parser.add_argument(
            "--events-older-than",
            type=duration,
            metavar="DURATION",
            help="Also delete events of sessions that stay, so long after they happened: '90d'. "
            "Those of sessions before their hard expiry stay. Default: all stay.",
        )
        parser.add_argument(
            "--include-events-of-active-sessions",
            action="store_true",
            help="With --events-older-than: those of sessions before their hard expiry as well.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Only say how many rows that would be."
        )

    def usage_problem(self, options: Mapping[str, Any]) -> str | None:
        """Look at them all before any session goes: who mistyped one may have mistyped more."""
        events_older_than = options["events_older_than"]
        if events_older_than is None and options["include_events_of_active_sessions"]:
            return "--include-events-of-active-sessions means nothing without --events-older-than."
        if events_older_than is not None and events_older_than < timedelta(0):
            return "--events-older-than must not be negative: no event is of tomorrow."
        if options["older_than"] < timedelta(0):
            return "argument --older-than: older_than must not be negative."
        return None

    def handle(self, *args: Any, **options: Any) -> None:
        """Prune, and say how much."""
        self.quiet = options["verbosity"] == 0
        try:
            self._prune_sessions(**options)
            if options["events_older_than"] is not None:
                self._prune_events(**options)
        except DatabaseBusyError as error:
            raise CommandError(
                "The database is busy. What has been deleted stays so; please run this again."
            ) from error

    def _prune_sessions(
        self, *, older_than: timedelta, batch_size: int, dry_run: bool, **_: Any
    ) -> None:
        self._run(
            _sessions,
            dry_run=dry_run,
            count=partial(count_prunable_sessions, older_than=older_than),
            prune=partial(prune_sessions, older_than=older_than, batch_size=batch_size),
        )
        if not dry_run:
            # Of no interest to anybody, so there is nothing to report.
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
        which: Any = {
            "older_than": events_older_than,
            "of_active_sessions": include_events_of_active_sessions,
        }
        self._run(
            _events,
            dry_run=dry_run,
            count=partial(count_prunable_events, **which),
            prune=partial(prune_events, **which, batch_size=batch_size),
        )

    def _run(
        self,
        in_words: Callable[[int], str],
        *,
        dry_run: bool,
        count: Callable[[], int],
        prune: Callable[..., int],
    ) -> None:
        if dry_run:
            self._say(f"Would delete {in_words(count())}.")
            return
        # A line that rewrites itself is for people; in a log file it would be noise.
        progress: Callable[[int], None] | None = None
        if self.stdout.isatty() and not self.quiet:
            progress = partial(self._show_progress, in_words)
        total = prune(progress=progress)
        start = "\r" if progress else ""
        self._say(f"{start}Deleted {in_words(total)}.")

    def _show_progress(self, in_words: Callable[[int], str], deleted: int) -> None:
        self.stdout.write(f"\rDeleted {in_words(deleted)}", ending="")
        self.stdout.flush()

    def _say(self, text: str) -> None:
        if not self.quiet:
            self.stdout.write(text)


def _sessions(number: int) -> str:
    return f"{number} session" if number == 1 else f"{number} sessions"


def _events(number: int) -> str:
    return f"{number} event" if number == 1 else f"{number} events"
