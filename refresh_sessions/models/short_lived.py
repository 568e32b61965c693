"""What is kept of a user for minutes or for a day, and is of no use after that."""

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
    """Reads by the database's clock."""

    def live(self) -> Self:
        """Not expired."""
        return self.filter(expires_at__gt=DatabaseNow())

    def expired(self) -> Self:
        """Of no more use to anybody."""
        return self.filter(expires_at__lte=DatabaseNow())

    def with_user(self) -> Self:
        """With the user and ``user_found``, all in one SELECT."""
        return self.select_related("user").annotate(user_found=owners.is_found("user"))


class ShortLived(models.Model):
    """A row that is found by the digest of what it stands for, which tells nothing."""

    user_found: bool
    """Whether the default manager finds the user, on rows read by ``with_user()``."""

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
        # They are nobody's to see.
        default_permissions = ()
        indexes = (models.Index(fields=["expires_at"], name="refsess_%(class)s_expires"),)

    def __str__(self) -> str:
        return str(self.pk)
