"""Parsing of durations and networks written as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

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
        The duration, or None if the text is not a duration.

    """
    text = text.strip()
    try:
        if text and _PARTS.fullmatch(text.lower()):
            return _sum(re.findall(_PART, text.lower(), re.ASCII))
        # Django reads an empty text, such as of an unset variable, as zero.
        return parse_duration(text) if text else None
    except (KeyError, ValueError, OverflowError):
        return None


def _sum(parts: list[tuple[str, str]]) -> timedelta:
    exact = {unit: float(number) if "." in number else int(number) for number, unit in parts}
    return sum(
        (timedelta(**{_UNITS[unit]: number}) for unit, number in exact.items()), timedelta(0)
    )


def coerce_duration(value: Any) -> timedelta | None:
    """Read a number of seconds or a text as a duration; None for other values."""
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
"""The word in ``TRUSTED_PROXIES`` for a proxy without an address, behind a Unix socket."""

PRIVATE: Final = "private"
"""The word in ``TRUSTED_PROXIES`` for ``PRIVATE_NETWORKS``."""

PRIVATE_NETWORKS: Final = (
    # This host (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3).
    *("127.0.0.0/8", "::1/128"),
    # Private use (RFC 1918, RFC 4193).
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    # Link local (RFC 3927, RFC 4291 §2.5.6).
    *("169.254.0.0/16", "fe80::/10"),
)
"""Networks that are not routed on the internet."""

NETWORK_WORDS: Final = (UNIX_SOCKET, PRIVATE)
"""Words that ``TRUSTED_PROXIES`` accepts beside networks."""

_HOST_NAME: Final = re.compile(r"(?=.*[a-z])[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", re.IGNORECASE)

_BRACKETS: Final = re.compile(r"\[(.+)\](:\d+)?")

_PORT: Final = re.compile(r"^([^:]+):\d+$")

_WILDCARDS: Final = re.compile(r"((?:\d{1,3}\.){1,3})(\*\.)*\*", re.ASCII)


def find_network_problem(text: str) -> str | None:
    """Describe the mistake in the text of a network; None for a valid network."""
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
    """Corrected forms of the text: without spaces, without scheme and port, without wildcards."""
    yield text
    yield text.strip()
    yield _host_of(text)
    if wildcards := _WILDCARDS.fullmatch(_host_of(text)):
        octets = wildcards[1].count(".")
        yield f"{wildcards[1]}{'.'.join('0' * (4 - octets))}/{8 * octets}"


def _host_of(text: str) -> str:
    """The host of a text, without scheme, port, path and brackets."""
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
    is_single_address = network.prefixlen == network.max_prefixlen
    return str(network.network_address if is_single_address else network)


def find_origin_problem(text: str) -> str | None:
    """Describe the mistake in the text of an origin (RFC 6454); None for a valid one."""
    if any(char.isspace() or char in "\\," for char in text):
        return f"{text!r} has white space or more than one origin"
    parts = _split_url(text)
    if parts is None or parts.scheme not in {"http", "https"} or "@" in parts.netloc:
        return f"{text!r} is not a scheme and a host, such as 'https://api.example.com'"
    meant = f"{parts.scheme}://{parts.netloc}"
    if text.lower() != meant.lower():
        return f"{text!r} has more than scheme, host and port; did you mean {meant!r}?"
    return None


def _split_url(text: str) -> SplitResult | None:
    """The parts of a URL; None without a host or with an invalid port."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    return parts if parts.hostname and port != 0 else None
