"""Token families: chains of refresh tokens with rotation state."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from refresh_sessions import devices
from refresh_sessions.database import DatabaseNow
from refresh_sessions.instants import InstantField
from refresh_sessions.models import owners
from refresh_sessions.models.fields import PrintableCharField

THUMBPRINT_LENGTH: Final = 43
"""Characters of a SHA-256 digest in base64url."""


class Binding(models.TextChoices):
    """What a client must show beside the refresh tokens of a family."""

    NONE = "", _("Not bound")
    DPOP = "dpop", _("Bound to a key of the client")
    DBSC = "dbsc", _("Bound to a key of the browser")


class TokenFamilyQuerySet(models.QuerySet["TokenFamily"]):
    """Queries of token families."""

    def usable(self) -> Self:
        """Families that are neither closed nor past the idle limit, whatever their session."""
        return self.filter(closed_at__isnull=True, idle_expires_at__gt=DatabaseNow())

    def with_owner(self) -> Self:
        """Add session, user, ``now`` and ``user_found`` to the SELECT."""
        return self.select_related("session__user").annotate(
            now=DatabaseNow(), user_found=owners.is_found("session__user")
        )


class TokenFamily(models.Model):
    """A chain of refresh tokens. Each refresh updates this row and inserts none.

    Columns that a refresh updates must not be indexed. PostgreSQL then uses heap-only tuples, and
    neither table nor indexes grow.
    """

    now: datetime
    """The database's clock; set by ``with_owner()``."""
    user_found: bool
    """Whether the default manager finds the user; set by ``with_owner()``."""
    account_permits: bool
    """Whether the account permits the use of the session; set by ``read_family()``."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(
        "refresh_sessions.DeviceSession",
        on_delete=models.CASCADE,
        related_name="families",
        verbose_name=_("device session"),
    )
    secret_digest = models.CharField(max_length=64, editable=False)
    generation = models.PositiveIntegerField(
        _("generation"), default=1, help_text=_("Number of the newest refresh token.")
    )
    redeemable_generation = models.PositiveIntegerField(
        _("redeemable generation"),
        null=True,
        help_text=_("Number of the previous refresh token, accepted until the newest is used."),
    )
    rotated_at = InstantField(_("last refreshed"), null=True)
    delivered_at = InstantField(
        _("delivered"),
        null=True,
        help_text=_("When a token of the newest generation was first used."),
    )
    idle_expires_at = InstantField(_("idle expiry"))
    last_ip_address = models.GenericIPAddressField(_("last address"), null=True)
    last_user_agent = PrintableCharField(
        _("last user agent"), max_length=devices.USER_AGENT_LENGTH, blank=True
    )
    authenticated_at = InstantField(
        _("authenticated"),
        null=True,
        help_text=_("When the user was last authenticated with this token family."),
    )
    authentication_methods = models.JSONField(_("methods"), default=list)
    closed_at = InstantField(_("closed"), null=True)
    """When a recovery undid the rotation that had opened the family."""

    # Set once. Not indexed: no query searches for a key.
    binding = models.CharField(
        _("binding"), max_length=8, blank=True, choices=Binding.choices, editable=False
    )
    key_thumbprint = models.CharField(
        _("key"),
        max_length=THUMBPRINT_LENGTH,
        blank=True,
        editable=False,
        help_text=_("SHA-256 thumbprint of the public key (RFC 7638)."),
    )
    public_key = models.TextField(blank=True, editable=False)
    """The public key as a JWK, where later proofs do not contain it."""

    # State of the rotation rule, see refresh_sessions.rotation.
    companion_digest = models.CharField(max_length=64, blank=True, editable=False)
    companion_generation = models.PositiveIntegerField(null=True, editable=False)
    sibling_answered_at = InstantField(null=True, editable=False)
    tolerated_generation = models.PositiveIntegerField(null=True, editable=False)
    recoveries_by_others = models.PositiveSmallIntegerField(default=0, editable=False)
    opened_family = models.UUIDField(null=True, editable=False)
    """The family that the newest rotation opened."""

    objects = TokenFamilyQuerySet.as_manager()

    class Meta:
        verbose_name = _("token family")
        verbose_name_plural = _("token families")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return str(self.pk)

    def refreshes_elsewhere(self) -> int:
        """The number of refreshes of the session's other families."""
        siblings = TokenFamily.objects.using(self._state.db).filter(session=self.session_id)
        generations = siblings.exclude(pk=self.pk).values_list("generation", flat=True)
        return sum(generation - 1 for generation in generations)
