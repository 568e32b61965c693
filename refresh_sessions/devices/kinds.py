"""The kinds of devices."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class DeviceKind(models.TextChoices):
    """The kinds that people tell apart, each with an icon of its own."""

    PHONE = "phone", _("Phone")
    TABLET = "tablet", _("Tablet")
    COMPUTER = "computer", _("Computer")
    OTHER = "other", _("Other")
