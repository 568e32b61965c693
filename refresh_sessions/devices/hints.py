"""User-agent client hints: what Chromium's browsers say instead of a telling user agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from django.http import HttpRequest

from refresh_sessions.devices.texts import printable

_LENGTH: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHints:
    """The hints of one request; empty where the client sent none."""

    platform: str = ""
    """``Sec-CH-UA-Platform``, such as "Android" or "macOS"."""
    model: str = ""
    """``Sec-CH-UA-Model``, such as "Pixel 7"; sent only to servers that asked for it."""
    mobile: bool | None = None
    """``Sec-CH-UA-Mobile``; None where the client did not say."""

    @classmethod
    def of_request(cls, request: HttpRequest) -> Self:
        """Read the hints off ``request``; none of them is proof of anything."""
        meta = request.META
        return cls(
            platform=_text(meta.get("HTTP_SEC_CH_UA_PLATFORM", "")),
            model=_text(meta.get("HTTP_SEC_CH_UA_MODEL", "")),
            mobile={"?1": True, "?0": False}.get(meta.get("HTTP_SEC_CH_UA_MOBILE", "")),
        )

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Self:
        """The hints that ``to_store()`` gave."""
        return cls(**stored)

    def to_store(self) -> dict[str, Any]:
        """What a session keeps of them: only what was said."""
        return {name: value for name, value in asdict(self).items() if value not in {"", None}}


def _text(header: str) -> str:
    # A structured header's string (RFC 8941 §3.3.3), of which ours never hold an escape.
    return printable(header[:_LENGTH]).strip('"').strip()
