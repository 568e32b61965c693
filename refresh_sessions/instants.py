"""Instants: a datetime field that stores UTC whatever the time zone of the connection."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone


class _StoredInUTC(models.DateTimeField):  # type: ignore[type-arg]
    """The conversions of ``InstantField`` between Python and the database."""

    def get_db_prep_value(
        self,
        value: Any,
        connection: BaseDatabaseWrapper,
        prepared: bool = False,  # noqa: FBT001, FBT002 - Django's signature
    ) -> Any:
        """The instant in the form that the database driver accepts."""
        if not prepared:
            value = super().get_prep_value(value)
        if _is_naive(connection) and isinstance(value, datetime) and timezone.is_aware(value):
            value = value.astimezone(UTC).replace(tzinfo=None)
            return connection.ops.adapt_datetimefield_value(value)
        return super().get_db_prep_value(value, connection, prepared=True)

    def from_db_value(
        self, value: Any, expression: Any, connection: BaseDatabaseWrapper
    ) -> datetime | None:
        """The instant in UTC; Django has interpreted it in the connection's time zone."""
        if not isinstance(value, datetime) or timezone.is_naive(value):
            return cast("datetime | None", value)
        return value.replace(tzinfo=UTC) if _is_naive(connection) else value


if TYPE_CHECKING:
    # Type checkers handle nullable columns of DateTimeField, but not of subclasses.
    InstantField = models.DateTimeField
else:

    class InstantField(_StoredInUTC):
        """A ``DateTimeField`` that is stored in UTC, whatever ``DATABASES[…]["TIME_ZONE"]`` is.

        SQLite, MySQL and Oracle have no type for instants, and Django stores the local time of
        the connection's ``TIME_ZONE`` there. That time is ambiguous when daylight saving time
        ends: a token issued in the repeated hour would be read as one hour older.

        With such a ``TIME_ZONE``, filter with ranges: ``__date`` and ``Trunc`` interpret the
        stored value as local time.
        """


def _is_naive(connection: BaseDatabaseWrapper) -> bool:
    return not connection.features.supports_timezones
