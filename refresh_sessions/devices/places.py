"""Where an address is, in words, if the project has configured Django's GeoIP2."""

from __future__ import annotations


def place_of(ip_address: str | None) -> str:
    """The place of an address, such as "London, United Kingdom"; empty where it is not known."""
    return ""
