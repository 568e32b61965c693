"""The table of the baseline."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class BaselineSession(models.Model):
    """One row per session: the name of the newest refresh token, and whether it is usable."""

    objects: ClassVar[models.Manager[BaselineSession]] = models.Manager()

    id = models.UUIDField(primary_key=True)
    jti = models.CharField(max_length=32)
    active = models.BooleanField(default=True)

    class Meta:
        app_label = "compare"

    def __str__(self) -> str:
        return str(self.id)
