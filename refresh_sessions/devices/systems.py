"""Operating systems, and the kinds of devices."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

from refresh_sessions.devices.client_hints import ClientHints
from refresh_sessions.devices.texts import truncate_user_agent


class DeviceKind(models.TextChoices):
    """The kinds that people tell apart, each with an icon of its own."""

    PHONE = "phone", _("Phone")
    TABLET = "tablet", _("Tablet")
    COMPUTER = "computer", _("Computer")
    OTHER = "other", _("Other")


PHONE, TABLET, COMPUTER, OTHER = DeviceKind


class System(NamedTuple):
    """What a client runs on; ``name`` is empty where nothing tells."""

    name: str
    kind: DeviceKind


ANDROID: Final = "Android"

_NOWHERE: Final = System("", OTHER)

# Models that are tablets, whatever else they say: the browser inside an app is always "Mobile".
_TABLETS: Final = (
    r"\bTablet\b|\bTab\b|\bPad\b|\bMediaPad\b|\bSM-[TXP]\d|\bGT-P\d|\bPixel C\b"
    r"|\bNexus (?:7|9|10)\b|\bLenovo (?:TB|YT)"
)

# The first of which all patterns are found decides. None of them repeats what it then has to give
# back, so that each looks at a text once, whatever the text.
_SIGNS: Final = tuple(
    (System(name, kind), tuple(re.compile(pattern) for pattern in patterns))
    for name, kind, *patterns in (
        # Televisions, consoles and other things, before the systems that they are made from.
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
        # Apple's: an iPhone is "like Mac OS X", and the libraries come last.
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
        # A tablet's browser leaves out "Mobile"; an app of either never says it.
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


def find_system(user_agent: str, hints: ClientHints) -> System:
    """What a client runs on, by the hints where they tell, else by the user agent.

    An iPad whose browser asks for the pages of a computer passes for a Mac: it says so in every
    word, and there is no hint that would tell.
    """
    told = f"{truncate_user_agent(user_agent)} {hints.model}"
    shown = next((system for system, signs in _SIGNS if _are_found(signs, told)), _NOWHERE)
    hinted = _PLATFORMS.get(hints.platform)
    if shown.name and shown.kind is OTHER:
        # A television says that it is one; its browser only knows the system within.
        return shown
    if hinted is None:
        return System("", PHONE) if hints.mobile and shown is _NOWHERE else shown
    if hinted.name != ANDROID:
        return hinted
    system = shown if shown.kind in {PHONE, TABLET} else hinted
    if hints.mobile is None or _TABLET.search(told):
        return system
    return system._replace(kind=PHONE if hints.mobile else TABLET)


def _are_found(signs: Iterable[re.Pattern[str]], text: str) -> bool:
    return all(sign.search(text) for sign in signs)


def get_device_kind(user_agent: str, hints: ClientHints) -> DeviceKind:
    """The kind of device; ``OTHER`` where nothing tells."""
    return find_system(user_agent, hints).kind
