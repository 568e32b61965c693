"""Attempt counts: consecutive failures to verify a user's identity."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from refresh_sessions.models.short_lived import ShortLived, ShortLivedQuerySet


class ProofAttempts(ShortLived):
    """The number of consecutive attempts without a success; a success deletes the row.

    Stored in the database and not in a cache: the limit must also hold for concurrent attempts,
    and after a restart.
    """

    count = models.PositiveSmallIntegerField(_("attempts"), default=1)

    objects = ShortLivedQuerySet["ProofAttempts"].as_manager()

    class Meta(ShortLived.Meta):
        verbose_name = _("attempts")
        verbose_name_plural = _("attempts")
