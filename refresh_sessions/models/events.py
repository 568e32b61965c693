"""Security events: the append-only audit records of sessions. Refreshes add none."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from refresh_sessions.instants import InstantField


class EventKind(models.TextChoices):
    """The kinds of security events."""

    SIGNED_IN = "signed_in", _("Signed in")
    SIGNED_OUT = "signed_out", _("Signed out")
    REVOKED = "revoked", _("Revoked")
    REUSE_DETECTED = "reuse_detected", _("Reuse of a refresh token detected")
    BOUND_TOKEN_MISUSED = "bound_token_misused", _("Bound refresh token used without its key")
    FAMILY_OPENED = "family_opened", _("Token family opened")
    REAUTHENTICATED = "reauthenticated", _("Re-authenticated")
    REAUTHENTICATION_FAILED = "reauthentication_failed", _("Re-authentication failed")
    PASSWORD_CHANGED = "password_changed", _("Password changed")
    LIMIT_REACHED = "limit_reached", _("Limit reached")
    TOKEN_AHEAD_OF_DATABASE = "token_ahead_of_database", _("Token newer than the database")


class SessionEvent(models.Model):
    """A security event of a session, with time, address and actor."""

    session = models.ForeignKey(
        "refresh_sessions.DeviceSession",
        on_delete=models.CASCADE,
        related_name="events",
        # The first column of an index below.
        db_index=False,
        verbose_name=_("device session"),
    )
    kind = models.CharField(_("kind"), max_length=32, choices=EventKind.choices)
    created_at = InstantField(_("time"))
    ip_address = models.GenericIPAddressField(_("address"), null=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("actor"),
    )
    details = models.JSONField(_("details"), default=dict)

    class Meta:
        verbose_name = _("session event")
        verbose_name_plural = _("session events")
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["session", "created_at"], name="refsess_event_session"),
            models.Index(fields=["kind", "created_at"], name="refsess_event_kind"),
            # For the admin. These indexes do not slow refreshes down, which add no events.
            models.Index(fields=["created_at"], name="refsess_event_created"),
            models.Index(fields=["ip_address", "created_at"], name="refsess_event_address"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.created_at:%Y-%m-%d %H:%M:%S %Z}"
