"""The table of the floor."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class FloorSession(models.Model):
    """One row per session: the name of the newest refresh token, and whether it is usable."""

    id = models.UUIDField(primary_key=True)
    jti = models.CharField(max_length=32)
    active = models.BooleanField(default=True)

    class Meta:
        app_label = "compare"
        indexes: ClassVar[list[models.Index]] = []
