"""Networks that people write as text, and what they mean by what is not one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

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


def network_problem(text: str) -> str | None:
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
