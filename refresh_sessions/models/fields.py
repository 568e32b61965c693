"""Model fields: columns for text from clients, and for case-insensitive search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from refresh_sessions.charsets import make_storable
from refresh_sessions.devices import strip_control_chars

__all__ = ["ClientTextField", "FoldedTextField", "PrintableCharField", "fold"]


class ClientTextField(models.CharField):  # type: ignore[type-arg]
    """Text from a client; characters that the column cannot store are replaced."""

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """Replace characters that the column cannot store."""
        if isinstance(value, str):
            table = self.model._meta.db_table
            value = make_storable(value, connection, table=table, column=str(self.column))
        return super().get_db_prep_save(value, connection)

    def deconstruct(self) -> Any:
        """Deconstruct as a ``CharField``, so that migrations do not import this class."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


if TYPE_CHECKING:
    # The mypy plugin for Django does not know the value types of subclasses.
    from django.db.models import CharField as PrintableCharField
else:

    class PrintableCharField(ClientTextField):
        """Text from a client, stored without control characters.

        Applies to ``save()``, ``update()`` and ``bulk_create()``, and so to custom serializers and
        forms. Control characters could forge lines in logs and mails (ASVS 16.4.1).
        """

        def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001
            """Set the attribute of the instance to the stored text, for responses."""
            value = _clean(super().pre_save(model_instance, add))
            setattr(model_instance, self.attname, value)
            return value

        def get_prep_value(self, value: Any) -> Any:
            return _clean(super().get_prep_value(value))


class FoldedTextField(ClientTextField):
    """The casefolded text of another field, for searches with an index.

    Computed in Python: lower() of SQLite supports only ASCII, and that of PostgreSQL depends on
    the collation. A generated column would make Django's system checks connect to the database.
    """

    def __init__(self, *args: Any, of: str = "", **kwargs: Any) -> None:
        self.of = of
        kwargs.update(editable=False, blank=True, default="")
        super().__init__(*args, **kwargs)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001  (Django's)
        """Compute the text from the other field, unless that one is deferred."""
        if self.of in model_instance.__dict__:
            setattr(model_instance, self.attname, fold(getattr(model_instance, self.of)))
        return super().pre_save(model_instance, add)


def fold(text: str) -> str:
    """Casefold a text, which can triple its length."""
    return text.casefold()


def _clean(value: Any) -> Any:
    return strip_control_chars(value) if isinstance(value, str) else value
