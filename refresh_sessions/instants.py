"""Instants in the database, unambiguous also where its connection has a time zone of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone


class _StoredInUTC(models.DateTimeField):  # type: ignore[type-arg]
    """The conversions of ``InstantField``."""

    def get_db_prep_value(
        self,
        value: Any,
        connection: BaseDatabaseWrapper,
        prepared: bool = False,  # noqa: FBT001, FBT002 - Django's signature
    ) -> Any:
        """The instant as the driver wants it."""
        if not prepared:
            value = super().get_prep_value(value)
        if _is_naive(connection) and isinstance(value, datetime) and timezone.is_aware(value):
            value = value.astimezone(UTC).replace(tzinfo=None)
            return connection.ops.adapt_datetimefield_value(value)
        return super().get_db_prep_value(value, connection, prepared=True)

    def from_db_value(
        self, value: Any, expression: Any, connection: BaseDatabaseWrapper
    ) -> datetime | None:
        """The instant in UTC; Django has taken it for one of the connection's time zone."""
        if not isinstance(value, datetime) or timezone.is_naive(value):
            return cast("datetime | None", value)
        return value.replace(tzinfo=UTC) if _is_naive(connection) else value


if TYPE_CHECKING:
    # Type checkers know how this one gives None for nullable columns, and no subclass of it.
    InstantField = models.DateTimeField
else:

    class InstantField(_StoredInUTC):
        """A ``DateTimeField`` that is stored in UTC, whatever ``DATABASES[…]["TIME_ZONE"]`` says.

        SQLite, MySQL and Oracle have no type for an instant, and Django stores the local time of
        the connection's ``TIME_ZONE`` there. In autumn an hour of it comes twice, and what was
        written in the second one is read as of the first: a token issued then had expired.

        With such a ``TIME_ZONE``, filter by ranges: ``__date`` and ``Trunc`` take what is stored
        for local time.
        """


def _is_naive(connection: BaseDatabaseWrapper) -> bool:
    return not connection.features.supports_timezones
