"""Short-lived rows: the abstract model of tickets and attempt counts."""

from __future__ import annotations

from typing import Self, TypeVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from refresh_sessions.database import DatabaseNow
from refresh_sessions.instants import InstantField
from refresh_sessions.models import owners

_Row = TypeVar("_Row", bound="ShortLived")


class ShortLivedQuerySet(models.QuerySet[_Row]):
    """Queries of short-lived rows, with the database's clock."""

    def live(self) -> Self:
        """Rows that have not expired."""
        return self.filter(expires_at__gt=DatabaseNow())

    def expired(self) -> Self:
        """Rows that have expired."""
        return self.filter(expires_at__lte=DatabaseNow())

    def with_user(self) -> Self:
        """Add the user and ``user_found`` to the SELECT."""
        return self.select_related("user").annotate(user_found=owners.is_found("user"))


class ShortLived(models.Model):
    """A row of a user with an expiry, identified by a digest of its secret or subject."""

    user_found: bool
    """Whether the default manager finds the user; set by ``with_user()``."""

    digest = models.CharField(max_length=64, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("user"),
    )
    expires_at = InstantField(_("expires"))

    class Meta:
        abstract = True
        # The admin does not show these rows.
        default_permissions = ()
        indexes = (models.Index(fields=["expires_at"], name="refsess_%(class)s_expires"),)

    def __str__(self) -> str:
        return str(self.pk)
