"""Tickets: sign-ins whose first step succeeded, and whose second is still to come."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from refresh_sessions.models.short_lived import ShortLived, ShortLivedQuerySet


class SignInTicket(ShortLived):
    """A sign-in that waits for its second step, for some minutes. It is deleted by success.

    What the client said of itself travels in the ticket, not here: the row is there to be used
    once, and to count attempts.
    """

    auth_hash = models.CharField(max_length=64, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)

    objects = ShortLivedQuerySet["SignInTicket"].as_manager()

    class Meta(ShortLived.Meta):
        verbose_name = _("sign-in ticket")
        verbose_name_plural = _("sign-in tickets")
