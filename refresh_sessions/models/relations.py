"""Relations: set foreign keys to objects from another database alias."""

from __future__ import annotations

from typing import Any

from django.db import models


def relate(row: models.Model, name: str, related: Any) -> None:
    """Set a foreign key, whatever the database alias of the related object.

    An assignment asks the routers for permission. In a project with a replica and a router without
    ``allow_relation``, Django raises ``ValueError`` for users from the replica, although both
    aliases contain the same rows.

    Args:
        row: the object with the foreign key.
        name: the name of the foreign key.
        related: the related object, or None.

    """
    field: Any = row._meta.get_field(name)
    target = None if related is None else getattr(related, field.target_field.attname)
    setattr(row, field.attname, target)
    field.set_cached_value(row, related)
