"""Operating systems and kinds of devices."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

from refresh_sessions.devices.client_hints import ClientHints
from refresh_sessions.devices.texts import truncate_user_agent


class DeviceKind(models.TextChoices):
    """Kinds of devices; each has its own icon."""

    PHONE = "phone", _("Phone")
    TABLET = "tablet", _("Tablet")
    COMPUTER = "computer", _("Computer")
    OTHER = "other", _("Other")


PHONE, TABLET, COMPUTER, OTHER = DeviceKind


class System(NamedTuple):
    """The operating system or appliance of a client; ``name`` is empty if unknown."""

    name: str
    kind: DeviceKind


ANDROID: Final = "Android"

_UNKNOWN: Final = System("", OTHER)

_CACHED: Final = 1024

# Models of tablets, which take precedence: the user agent of a web view always has "Mobile".
_TABLETS: Final = (
    r"\bTablet\b|\bTab\b|\bPad\b|\bMediaPad\b|\bSM-[TXP]\d|\bGT-P\d|\bPixel C\b"
    r"|\bNexus (?:7|9|10)\b|\bLenovo (?:TB|YT)"
)

# The first entry with all patterns found decides. The patterns cannot backtrack, so each takes
# linear time for any text.
_SYSTEMS: Final = tuple(
    (System(name, kind), tuple(re.compile(pattern) for pattern in patterns))
    for name, kind, *patterns in (
        # Televisions, consoles and other appliances, before the systems that they are based on.
        ("", OTHER, r"https?://"),
        ("PlayStation 5", OTHER, r"PlayStation 5"),
        ("PlayStation 4", OTHER, r"PlayStation 4"),
        ("PlayStation", OTHER, r"PlayStation|PLAYSTATION"),
        ("Xbox", OTHER, r"\bXbox\b"),
        ("Nintendo Switch", OTHER, r"Nintendo Switch"),
        ("Nintendo", OTHER, r"\bNintendo\b"),
        ("Apple TV", OTHER, r"\bAppleTV|\bApple TV\b|\btvOS\b"),
        ("Apple Watch", OTHER, r"\bwatchOS\b|\bWatch\d"),
        ("Fire TV", OTHER, r"\bAFT[A-Z]"),
        ("Roku", OTHER, r"\bRoku\b"),
        ("Chromecast", OTHER, r"\bCrKey\b"),
        ("LG TV", OTHER, r"\bWeb0S\b|\bNetCast\b"),
        ("Samsung TV", OTHER, r"\bTizen\b", r"\bTV\b"),
        ("TV", OTHER, r"\bTV\b|\bSmartTV\b|\bBRAVIA\b|\bHbbTV\b|\bGoogleTV\b"),
        ("Quest", OTHER, r"\bOculusBrowser/|\bQuest \d"),
        ("Tesla", OTHER, r"\bTesla/|\bQtCarBrowser\b"),
        # Apple: an iPhone is "like Mac OS X", and the names of libraries come last.
        ("iPad", TABLET, r"\biPad"),
        ("iPod", PHONE, r"\biPod"),
        ("iPhone", PHONE, r"\biPhone"),
        ("macOS", COMPUTER, r"\bMacintosh\b|\bmacOS\b|\bMac OS X\b|\bMac\d|\bMacBook"),
        ("macOS", COMPUTER, r"\bDarwin/", r"\(x86_64\)"),
        ("iOS", PHONE, r"\biOS\b|\bCFNetwork/|\bDarwin/"),
        ("Windows Phone", PHONE, r"\bWindows Phone\b"),
        ("HarmonyOS", PHONE, r"HarmonyOS"),
        ("Amazon Fire", TABLET, r"\bKF[A-Z][A-Z]"),
        ("Kindle", TABLET, r"\bKindle\b"),
        (ANDROID, TABLET, r"\bAndroid\b", _TABLETS),
        (ANDROID, PHONE, r"\bAndroid\b", r"\bMobile\b"),
        # The browser of a tablet lacks "Mobile"; apps lack it on phones as well.
        (ANDROID, TABLET, r"\bAndroid\b", r"\bAppleWebKit/"),
        (ANDROID, PHONE, r"\bAndroid\b|\bDalvik/|\bokhttp/"),
        ("KaiOS", PHONE, r"\bKAIOS/"),
        ("Chrome OS", COMPUTER, r"\bCrOS\b"),
        ("Windows", COMPUTER, r"\bWindows\b|\bWin(?:32|64)\b|\bMicrosoft NT\b"),
        ("Linux", COMPUTER, r"\bLinux\b|\bX11\b|\blinux-gnu\b"),
        ("", PHONE, r"\bMobile\b"),
    )
)

_TABLET: Final = re.compile(_TABLETS)

_PLATFORMS: Final = {
    "Android": System(ANDROID, TABLET),
    "Chrome OS": System("Chrome OS", COMPUTER),
    "Chromium OS": System("Chrome OS", COMPUTER),
    "Linux": System("Linux", COMPUTER),
    "Windows": System("Windows", COMPUTER),
    "iOS": System("iOS", PHONE),
    "macOS": System("macOS", COMPUTER),
}


@lru_cache(maxsize=_CACHED)
def find_system(user_agent: str, hints: ClientHints) -> System:
    """The system of a client, from the hints if they name it, else from the user agent.

    An iPad that requests desktop pages counts as a Mac: its user agent is that of a Mac, and
    Safari sends no hints.
    """
    text = f"{truncate_user_agent(user_agent)} {hints.model}"
    found = next((system for system, patterns in _SYSTEMS if _match(patterns, text)), _UNKNOWN)
    hinted = _PLATFORMS.get(hints.platform)
    if found.name and found.kind is OTHER:
        # The user agent names the television; the hints only name its operating system.
        return found
    if hinted is None:
        return System("", PHONE) if hints.mobile and found is _UNKNOWN else found
    if hinted.name != ANDROID:
        return hinted
    system = found if found.kind in {PHONE, TABLET} else hinted
    if hints.mobile is None or _TABLET.search(text):
        return system
    return system._replace(kind=PHONE if hints.mobile else TABLET)


def _match(patterns: Iterable[re.Pattern[str]], text: str) -> bool:
    return all(pattern.search(text) for pattern in patterns)


def get_device_kind(user_agent: str, hints: ClientHints) -> DeviceKind:
    """The kind of device; ``OTHER`` if unknown."""
    return find_system(user_agent, hints).kind
