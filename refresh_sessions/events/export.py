"""Event export: stream any number of security events as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db.models import F, QuerySet

from refresh_sessions.database import retry_transient
from refresh_sessions.events.csv import BOM, format_rows
from refresh_sessions.models import SessionEvent

READ_SIZE: Final = 1000
"""Events per statement, which are in memory at the same time."""

COLUMNS: Final = (
    "time",
    "kind",
    "session_id",
    "user_id",
    "username",
    "ip_address",
    "device",
    "actor_id",
    "details",
)


class EventExport:
    """The events of a queryset as CSV, read and formatted in batches during iteration.

    Batches are read in the order of the primary key. Neither a server-side cursor nor a
    transaction spans the export, so a connection pooler may route each statement to another
    connection. Events written after the start are omitted.

    The chunks are strings; the first starts with a byte order mark. ``written`` is the number of
    events so far.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error; the chunks so far
            are incomplete.

    """

    def __init__(self, events: QuerySet[SessionEvent], *, batch_size: int = READ_SIZE) -> None:
        """Read the newest key of the table.

        Args:
            events: the events; filters apply, the order is ignored.
            batch_size: events per statement.

        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}.")
        self.written = 0
        self._batch_size = batch_size
        self._using = events.db
        self._last = retry_transient(self._using, self._read_last_key)
        self._events = _select_columns(events.using(self._using)).filter(pk__lte=self._last)

    def __iter__(self) -> Iterator[str]:
        """The header, and then each batch as CSV."""
        yield BOM + format_rows([COLUMNS])
        after = 0
        while batch := self._read_batch(after):
            # Before the chunk is yielded: the log of an aborted download must not have too low a
            # number.
            self.written += len(batch)
            yield format_rows(map(_row, batch))
            after = batch[-1].pk

    def _read_last_key(self) -> int:
        keys = SessionEvent.objects.using(self._using).order_by("-pk").values_list("pk", flat=True)
        return keys.first() or 0

    def _read_batch(self, after: int) -> Sequence[SessionEvent]:
        batch = self._events.filter(pk__gt=after)[: self._batch_size]
        return retry_transient(self._using, lambda: list(batch.all()))


def _select_columns(events: QuerySet[SessionEvent]) -> QuerySet[SessionEvent]:
    # Ordered by key, which follows the time of writing. Times are not unique, and SQLite compares
    # them as texts of different formats.
    session = ("session__name", "session__user_agent", "session__client_hints", "session__user")
    columns = ("kind", "created_at", "session", "ip_address", "actor", "details", *session)
    # Not a user with deferred fields: the __init__ of a user model may read any field.
    username = F(f"session__user__{get_user_model().USERNAME_FIELD}")
    rows = events.select_related("session").only(*columns).annotate(username=username)
    return rows.order_by("pk")


def _row(event: Any) -> list[Any]:
    session = event.session
    return [
        # Spreadsheets and people recognize "Z" as UTC.
        event.created_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        event.kind,
        event.session_id,
        session.user_id,
        event.username,
        event.ip_address,
        session.name or session.device,
        event.actor_id,
        event.details,
    ]
