"""Durations and networks that people write as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

from django.utils.dateparse import parse_duration

_UNITS: Final = {
    name: unit
    for unit, names in {
        "seconds": "s sec secs second seconds",
        "minutes": "m min mins minute minutes",
        "hours": "h hr hrs hour hours",
        "days": "d day days",
        "weeks": "w week weeks",
    }.items()
    for name in names.split()
}

_PART: Final = r"(\d+(?:\.\d+)?)\s*([a-z]+)"

_PARTS: Final = re.compile(rf"{_PART}(?:[\s,]*{_PART})*", re.ASCII)


def parse_timedelta(text: str) -> timedelta | None:
    """Read ``15m``, ``1h 30m``, ``30 days``, ``00:15:00`` or ISO 8601; a bare number is seconds.

    Returns:
        The duration, or None if the text is not one.

    """
    text = text.strip()
    try:
        if text and _PARTS.fullmatch(text.lower()):
            return _sum(re.findall(_PART, text.lower(), re.ASCII))
        # An empty text, as from a variable that is not set, would be zero to Django.
        return parse_duration(text) if text else None
    except (KeyError, ValueError, OverflowError):
        return None


def _sum(parts: list[tuple[str, str]]) -> timedelta:
    exact = {unit: float(number) if "." in number else int(number) for number, unit in parts}
    return sum(
        (timedelta(**{_UNITS[unit]: number}) for unit, number in exact.items()), timedelta(0)
    )


def coerce_duration(value: Any) -> timedelta | None:
    """The duration that somebody means by a number of seconds or by a text, or None."""
    if isinstance(value, str):
        return parse_timedelta(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return timedelta(seconds=value)
    except (ValueError, OverflowError):
        return None


def format_duration(duration: timedelta) -> str:
    """The duration as source code: ``timedelta(seconds=900)``."""
    seconds = duration.total_seconds()
    return f"timedelta(seconds={int(seconds) if seconds.is_integer() else seconds})"


UNIX_SOCKET: Final = "unix"
"""Stands in ``TRUSTED_PROXIES`` for whoever connects through a Unix socket and has no address."""

PRIVATE: Final = "private"
"""Stands in ``TRUSTED_PROXIES`` for ``PRIVATE_NETWORKS``."""

PRIVATE_NETWORKS: Final = (
    # This host (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3).
    *("127.0.0.0/8", "::1/128"),
    # Private use (RFC 1918, RFC 4193).
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    # Link local (RFC 3927, RFC 4291 §2.5.6).
    *("169.254.0.0/16", "fe80::/10"),
)
"""Networks that no packet from the internet comes from."""

NETWORK_WORDS: Final = (UNIX_SOCKET, PRIVATE)
"""What may stand in ``TRUSTED_PROXIES`` beside networks."""

_HOST_NAME: Final = re.compile(r"(?=.*[a-z])[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", re.IGNORECASE)

_BRACKETS: Final = re.compile(r"\[(.+)\](:\d+)?")

_PORT: Final = re.compile(r"^([^:]+):\d+$")

_WILDCARDS: Final = re.compile(r"((?:\d{1,3}\.){1,3})(\*\.)*\*", re.ASCII)


def find_network_problem(text: str) -> str | None:
    """Say what is wrong with a text that should be a network, or None if it is one."""
    if _network(text, strict=True) is not None:
        return None
    if "," in text or len(text.split()) > 1:
        return f"{text!r} is more than one network: make each an item of the list"
    if text.strip() == "*":
        return "'*' is not a network: list the networks of your own proxies only"
    for meant in _candidates(text):
        if (network := _network(meant)) is not None:
            why = "has host bits set" if meant == text else "is not a network"
            return f"{text!r} {why}; did you mean {_shortest(network)}?"
    if _HOST_NAME.fullmatch(_host_of(text)):
        return f"{text!r} is not a network: host names are not looked up"
    return f"{text!r} is not a network such as 10.0.0.0/8 or 2001:db8::/32"


def _candidates(text: str) -> Iterator[str]:
    """The text itself, without host bits, and then without what no network has."""
    yield text
    yield text.strip()
    yield _host_of(text)
    if wildcards := _WILDCARDS.fullmatch(_host_of(text)):
        octets = wildcards[1].count(".")
        yield f"{wildcards[1]}{'.'.join('0' * (4 - octets))}/{8 * octets}"


def _host_of(text: str) -> str:
    """What remains without scheme, port, path and brackets."""
    bare = text.strip().rstrip("/")
    if "://" in bare:
        bare = bare.partition("://")[2].partition("/")[0]
    if brackets := _BRACKETS.fullmatch(bare):
        return brackets[1]
    return port[1] if (port := _PORT.fullmatch(bare)) else bare


def _network(text: str, *, strict: bool = False) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=strict)
    except ValueError:
        return None


def _shortest(network: IPv4Network | IPv6Network) -> str:
    alone = network.prefixlen == network.max_prefixlen
    return str(network.network_address if alone else network)
