"""Reading security events out of the database, any number of them, as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db.models import F, QuerySet

from refresh_sessions.database import retry_transient
from refresh_sessions.events.csv import BOM, format_rows
from refresh_sessions.models import SessionEvent

BATCH_SIZE: Final = 1000
"""Events read with one statement and held at one time."""

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
    """The events of a queryset as CSV, a piece at a time; the first is read when it is asked for.

    A batch of rows is read by key after the one before. No cursor stays open on the server, so a
    connection pooler may hand each statement to another connection, and no transaction spans the
    whole. Events that are written meanwhile are left out, which is also why this ends.

    Pieces are text that begins with a byte order mark. ``written`` counts the events so far.

    Raises:
        DatabaseBusyError: the database did not answer in several tries; what has been handed out
            is then not the whole.

    """

    def __init__(self, events: QuerySet[SessionEvent], *, batch_size: int = BATCH_SIZE) -> None:
        """Look where the table ends now. Filters of ``events`` count, and its order does not."""
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}.")
        self.written = 0
        self._batch_size = batch_size
        self._using = events.db
        self._last = retry_transient(self._using, self._read_last_key)
        self._events = _readable(events.using(self._using)).filter(pk__lte=self._last)

    def __iter__(self) -> Iterator[str]:
        """Each batch as CSV, the header with the first."""
        yield BOM + format_rows([COLUMNS])
        after = 0
        while batch := self._read_batch(after):
            # Before they are handed out: of a download that breaks off, too many are logged
            # rather than too few.
            self.written += len(batch)
            yield format_rows(map(_row, batch))
            after = batch[-1].pk

    def _read_last_key(self) -> int:
        keys = SessionEvent.objects.using(self._using).order_by("-pk").values_list("pk", flat=True)
        return keys.first() or 0

    def _read_batch(self, after: int) -> Sequence[SessionEvent]:
        batch = self._events.filter(pk__gt=after)[: self._batch_size]
        return retry_transient(self._using, lambda: list(batch.all()))


def _readable(events: QuerySet[SessionEvent]) -> QuerySet[SessionEvent]:
    # In the order of their keys, which is that of their writing. Not by time: many events share
    # one, and SQLite compares times as text, of which it stores more than one form.
    session = ("session__name", "session__user_agent", "session__client_hints", "session__user")
    columns = ("kind", "created_at", "session", "ip_address", "actor", "details", *session)
    # No user with deferred fields: the __init__ of a project's user model may read any of them.
    username = F(f"session__user__{get_user_model().USERNAME_FIELD}")
    read = events.select_related("session").only(*columns).annotate(username=username)
    return read.order_by("pk")


def _row(event: Any) -> list[Any]:
    session = event.session
    return [
        # A "Z" is what spreadsheets and people recognise.
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
