"""Foreign keys to rows that may have been read from another database alias."""

from __future__ import annotations

from typing import Any

from django.db import models


def relate(row: models.Model, name: str, related: Any) -> None:
    """Point a foreign key at ``related``, whichever alias that was read from.

    An ordinary assignment asks the routers whether the two may be related. A project with a
    replica and a router without ``allow_relation`` has all users from the replica, and Django then
    raises ``ValueError``, although both aliases lead to the same rows.

    Args:
        row: the object that has the foreign key.
        name: of the field.
        related: the object that it is to refer to, or None.

    """
    field: Any = row._meta.get_field(name)
    target = None if related is None else getattr(related, field.target_field.attname)
    setattr(row, field.attname, target)
    field.set_cached_value(row, related)
