"""What kind of thing a device is, told from a few words of its user agent."""

from __future__ import annotations

import re
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from refresh_sessions.devices.hints import ClientHints


class DeviceKind(models.TextChoices):
    """The kinds that people tell apart, each with an icon of its own."""

    PHONE = "phone", _("Phone")
    TABLET = "tablet", _("Tablet")
    COMPUTER = "computer", _("Computer")
    OTHER = "other", _("Other")


# The first that matches decides.
_SIGNS: Final = (
    (DeviceKind.TABLET, re.compile(r"iPad|Tablet|PlayBook|Silk/|Kindle|Nexus (?:7|9|10)\b")),
    (DeviceKind.PHONE, re.compile(r"iPhone|iPod|Mobile|Mobi\b|Windows Phone|Android.*\bMobile")),
    (DeviceKind.TABLET, re.compile(r"Android.+AppleWebKit")),
    (DeviceKind.PHONE, re.compile(r"\bAndroid\b|\bDalvik/|\bokhttp/|\bCFNetwork/")),
    (DeviceKind.COMPUTER, re.compile(r"Windows NT|Macintosh|X11|CrOS|Linux|Darwin")),
)
_DESKTOPS: Final = frozenset({"Windows", "macOS", "Linux", "Chrome OS", "Chromium OS"})


def kind_of(user_agent: str, hints: ClientHints) -> DeviceKind:
    """The kind of device; ``OTHER`` where nothing tells."""
    if hints.mobile:
        return DeviceKind.PHONE
    if hints.platform in _DESKTOPS:
        return DeviceKind.COMPUTER
    for kind, sign in _SIGNS:
        if sign.search(user_agent):
            return kind
    return DeviceKind.OTHER
