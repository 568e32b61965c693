"""Tickets: sign-ins whose first step succeeded, and whose second is still to come."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from refresh_sessions.database import DatabaseNow


class SignInTicketQuerySet(models.QuerySet["SignInTicket"]):
    """Reads of tickets, by the database's clock."""

    def live(self) -> Self:
        """Not expired; attempts are not looked at."""
        return self.filter(expires_at__gt=DatabaseNow())

    def expired(self) -> Self:
        """Of no more use to anybody."""
        return self.filter(expires_at__lte=DatabaseNow())


class SignInTicket(models.Model):
    """A sign-in that waits for its second step, for some minutes. It is deleted by success.

    What the client said of itself travels in the ticket, not here: the row is there to be used
    once, and to count attempts.
    """

    digest = models.CharField(max_length=64, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("user"),
    )
    auth_hash = models.CharField(max_length=64, editable=False)
    expires_at = models.DateTimeField(_("expires"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)

    objects = SignInTicketQuerySet.as_manager()

    class Meta:
        verbose_name = _("sign-in ticket")
        verbose_name_plural = _("sign-in tickets")
        # They are nobody's to see.
        default_permissions = ()
        indexes = (models.Index(fields=["expires_at"], name="refsess_ticket_expires"),)

    def __str__(self) -> str:
        return str(self.pk)
