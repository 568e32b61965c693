"""Sign-in tickets: pending logins between first and second factor."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from refresh_sessions.models.short_lived import ShortLived, ShortLivedQuerySet


class SignInTicket(ShortLived):
    """A login between first and second step; a success deletes the row.

    The data of the login is in the signed ticket. The row makes the ticket single-use, and counts
    attempts.
    """

    auth_hash = models.CharField(max_length=64, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)

    objects = ShortLivedQuerySet["SignInTicket"].as_manager()

    class Meta(ShortLived.Meta):
        verbose_name = _("sign-in ticket")
        verbose_name_plural = _("sign-in tickets")
