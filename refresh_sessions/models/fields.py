"""Columns for text that clients write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from refresh_sessions.charsets import make_storable
from refresh_sessions.devices import strip_control_chars

__all__ = ["ClientTextField", "FoldedTextField", "PrintableCharField", "fold"]


class ClientTextField(models.CharField):  # type: ignore[type-arg]
    """Text that a client wrote: what the column cannot hold of it is replaced."""

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """The value as the database takes it."""
        if isinstance(value, str):
            table = self.model._meta.db_table
            value = make_storable(value, connection, table=table, column=str(self.column))
        return super().get_db_prep_save(value, connection)

    def deconstruct(self) -> Any:
        """As an ordinary field: the column is one, and migrations need not import this class."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


if TYPE_CHECKING:
    # Its plugin for Django has mypy know the values of this class alone.
    from django.db.models import CharField as PrintableCharField
else:

    class PrintableCharField(ClientTextField):
        """Text of a client without control characters, whichever way it is written.

        ``save()``, ``update()``, ``bulk_create()`` and every serializer or form of the project's
        own pass here. Control characters would forge lines in logs and mails (ASVS 16.4.1).
        """

        def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001
            """Give the instance the text as it is stored, for answers that are made from it."""
            value = _clean(super().pre_save(model_instance, add))
            setattr(model_instance, self.attname, value)
            return value

        def get_prep_value(self, value: Any) -> Any:
            return _clean(super().get_prep_value(value))


class FoldedTextField(ClientTextField):
    """Another field's text without case, for searches that an index serves.

    Written by Python and not by the database: lower() of SQLite knows ASCII alone, that of
    PostgreSQL depends on the collation, and Django looks at a generated column by connecting to
    the server, which ``check`` must do without.
    """

    def __init__(self, *args: Any, of: str = "", **kwargs: Any) -> None:
        self.of = of
        kwargs.update(editable=False, blank=True, default="")
        super().__init__(*args, **kwargs)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001  (Django's)
        """Follow the other field, unless that was not read."""
        if self.of in model_instance.__dict__:
            setattr(model_instance, self.attname, fold(getattr(model_instance, self.of)))
        return super().pre_save(model_instance, add)


def fold(text: str) -> str:
    """The text as it is stored and searched for: of three times the length at most."""
    return text.casefold()


def _clean(value: Any) -> Any:
    return strip_control_chars(value) if isinstance(value, str) else value
