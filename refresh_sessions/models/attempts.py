"""Attempts: how often somebody has lately tried to prove who they are, and failed."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from refresh_sessions.models.short_lived import ShortLived, ShortLivedQuerySet


class ProofAttempts(ShortLived):
    """A number of attempts in a row that have not succeeded. A success deletes it.

    In the database and not in a cache, as a bound on guesses has to hold to the last of them, in
    parallel and after a restart.
    """

    count = models.PositiveSmallIntegerField(_("attempts"), default=1)

    objects = ShortLivedQuerySet["ProofAttempts"].as_manager()

    class Meta(ShortLived.Meta):
        verbose_name = _("attempts")
        verbose_name_plural = _("attempts")
