"""Columns that hold what a client says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from refresh_sessions.devices import printable

if TYPE_CHECKING:
    # Its plugin for Django has mypy know the values of this class alone.
    from django.db.models import CharField as PrintableCharField
else:

    class PrintableCharField(models.CharField):
        """Text without control characters, whichever way it is written.

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


__all__ = ["PrintableCharField"]


def _clean(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value
