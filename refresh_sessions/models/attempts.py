"""Attempts: how often somebody has lately tried to prove who they are, and failed."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from refresh_sessions.database import DatabaseNow


class ProofAttemptsQuerySet(models.QuerySet["ProofAttempts"]):
    """Reads of counts, by the database's clock."""

    def expired(self) -> Self:
        """They count for nothing any more."""
        return self.filter(expires_at__lte=DatabaseNow())


class ProofAttempts(models.Model):
    """A number of attempts in a row that have not succeeded. A success deletes it.

    In the database and not in a cache, as a bound on guesses has to hold to the last of them, in
    parallel and after a restart.
    """

    digest = models.CharField(max_length=64, unique=True, editable=False)
    """Of what they are counted for; it tells nothing."""
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("user"),
    )
    count = models.PositiveSmallIntegerField(_("attempts"), default=1)
    expires_at = models.DateTimeField(_("expires"))

    objects = ProofAttemptsQuerySet.as_manager()

    class Meta:
        verbose_name = _("attempts")
        verbose_name_plural = _("attempts")
        # They are nobody's to see.
        default_permissions = ()
        indexes = (models.Index(fields=["expires_at"], name="refsess_attempts_expires"),)

    def __str__(self) -> str:
        return str(self.pk)
