"""User-agent client hints, which Chromium browsers send beside a reduced user agent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from django.http import HttpRequest

from refresh_sessions.devices.texts import strip_control_chars

STORED_LENGTH: Final = 255
"""Maximum characters of the stored hints of a session."""

_LENGTH: Final = 64
_BRANDS_LENGTH: Final = 256
_FLAGS: Final = {"?1": True, "?0": False}
_WRITTEN_FLAGS: Final = {True: "?1", False: "?0", None: ""}

# The names in a list of brands (RFC 8941). Browsers add an invented one, such as "Not?A_Brand" or
# "Not(A:Brand", so that servers do not rely on a fixed list.
_BRAND: Final = re.compile(r'"([^"]*)";')
_GREASE: Final = re.compile(r"not.{0,2}a.{0,2}brand", re.IGNORECASE)
_ENGINES: Final = frozenset({"Chromium", "Android WebView", "Microsoft Edge WebView2"})
_PLAIN_BRANDS: Final = {
    "Google Chrome": "Chrome",
    "Microsoft Edge": "Edge",
    "YaBrowser": "Yandex Browser",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHints:
    """The hints of one request; missing hints are empty."""

    platform: str = ""
    """``Sec-CH-UA-Platform``, such as "Android" or "macOS"."""
    model: str = ""
    """``Sec-CH-UA-Model``, such as "Pixel 7"; sent only to servers that requested it."""
    brand: str = ""
    """The browser in ``Sec-CH-UA``, such as "Brave", which has the user agent of Chrome."""
    mobile: bool | None = None
    """``Sec-CH-UA-Mobile``; None without the header."""

    @classmethod
    def of_request(cls, request: HttpRequest) -> Self:
        """Read the hints of ``request``; the client can forge them."""
        platform = _text(request.META.get("HTTP_SEC_CH_UA_PLATFORM", ""))
        return cls(
            platform="" if platform == "Unknown" else platform,
            model=_text(request.META.get("HTTP_SEC_CH_UA_MODEL", "")),
            brand=_brand(request.META.get("HTTP_SEC_CH_UA", "")),
            mobile=_FLAGS.get(request.META.get("HTTP_SEC_CH_UA_MOBILE", "")),
        )

    @classmethod
    def from_stored(cls, stored: str) -> Self:
        """Parse the result of ``to_store()``; missing lines are empty."""
        platform, model, brand, mobile, *_ = [*stored.split("\n"), "", "", "", ""]
        return cls(platform=platform, model=model, brand=brand, mobile=_FLAGS.get(mobile))

    def to_store(self) -> str:
        """The hints as text for the database, one line each; empty without hints.

        Text instead of JSON, so that reading a row does not decode rarely used values.
        """
        lines = [self.platform, self.model, self.brand, _WRITTEN_FLAGS[self.mobile]]
        return "\n".join(lines).rstrip("\n")


def _text(header: str) -> str:
    # A string of a structured header (RFC 8941 §3.3.3); these hints contain no escapes.
    return strip_control_chars(header[:_LENGTH]).strip('"').strip()


def _brand(header: str) -> str:
    for quoted in _BRAND.findall(header[:_BRANDS_LENGTH]):
        brand = _text(quoted)
        if brand and brand not in _ENGINES and not _GREASE.search(brand):
            return _PLAIN_BRANDS.get(brand, brand)
    return ""
