"""Addresses as staff type them: whole ones, and the beginnings of such."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from refresh_sessions import devices

_IPV4_BEGINNING: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,2}\.")
_IPV6_BEGINNING: Final = re.compile(r"[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6}:", re.IGNORECASE)
_GROUPS: Final = {4: (8, "."), 6: (16, ":")}


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRange:
    """All addresses that begin alike."""

    first: str
    last: str
    text: str
    """What they begin with where they are written out."""


def parse_address(text: str) -> str | None:
    """An address in the form in which sign-ins leave it, or None if it is none."""
    address = devices.parse_address(text)
    return str(address) if address else None


def parse_beginning(text: str) -> AddressRange | None:
    """The addresses that begin with ``192.0.2.`` or ``2001:db8:``, or None for other texts.

    Only whole groups are a beginning: the digits of ``192.0.2.1`` begin many addresses, and yet
    who types them means the one.
    """
    if _IPV4_BEGINNING.fullmatch(text):
        return _range(text, f"{text}{'.'.join('0' * (4 - text.count('.')))}", version=4)
    if _IPV6_BEGINNING.fullmatch(text):
        return _range(text.lower(), f"{text}:", version=6)
    return None


def _range(text: str, first: str, *, version: int) -> AddressRange | None:
    width, separator = _GROUPS[version]
    try:
        network = ip_network(f"{first}/{width * text.count(separator)}")
    except ValueError:
        return None
    return AddressRange(
        first=str(network.network_address), last=str(network.broadcast_address), text=text
    )
