"""The address of a client, and whom to believe about it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import chain
from typing import Final

from django.http import HttpRequest

from refresh_sessions.conf import (
    NAMESPACE,
    PRIVATE,
    PRIVATE_NETWORKS,
    UNIX_SOCKET,
    Settings,
    get_settings,
)

logger = logging.getLogger("refresh_sessions")

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network

_MAPPED: Final = IPv6Network("::ffff:0:0/96")


_LONGEST: Final = 1024
"""Characters of X-Forwarded-For that are looked at, from the right: some twenty proxies."""

_HOUSEHOLD: Final = 64
"""Bits of an IPv6 address that a customer of a provider cannot choose."""


def get_client_ip(request: HttpRequest) -> str | None:
    """The address of the client, or None where the server does not tell (a Unix socket).

    X-Forwarded-For is believed only as far as ``TRUSTED_PROXIES`` wrote it: it is walked from
    the right, and the first address that is not a trusted proxy's is the client's
    (ASVS 4.1.3, 15.3.4). What stands to the left of it anyone may have forged. ``Forwarded``
    (RFC 7239) is not looked at: proxies that write the one pass the other on unread.
    """
    peer = parse_ip(request.META.get("REMOTE_ADDR", ""))
    proxies = get_settings().TRUSTED_PROXIES
    trusted = _networks(proxies)
    vouches = UNIX_SOCKET in proxies if peer is None else _is_trusted(peer, trusted)
    if not proxies:
        _warn_of_unnamed_proxy(request, peer)
    client = peer
    for part in _hops(request) if vouches else ():
        address = parse_ip(part)
        if address is None:
            break
        client = address
        if not _is_trusted(address, trusted):
            break
    return str(client) if client else None


def get_client_network(request: HttpRequest) -> str:
    """What stands for the client where clients are counted; empty where the server does not tell.

    Its address, or of an IPv6 address the first 64 bits: a single household has all the others
    to choose from (RFC 6177).
    """
    return get_network(get_client_ip(request))


def get_network(address: str | None) -> str:
    """The same for an address as ``get_client_ip`` gives it."""
    if address is None or ":" not in address:
        return address or ""
    return str(IPv6Network((address, _HOUSEHOLD), strict=False))


def _hops(request: HttpRequest) -> Iterator[str]:
    """What each proxy wrote of its peer, the nearest first (RFC 9110 §5.6.1: none is empty)."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    parts = forwarded[-_LONGEST:].split(",")
    if len(forwarded) > _LONGEST:
        # The rest of an address is another address.
        del parts[0]
    return (part for part in reversed(parts) if part.strip())


def parse_ip(text: str) -> IPv4Address | IPv6Address | None:
    """An address as servers, proxies and logs write it, or None if it is none.

    With brackets or a port around it or without; an IPv4 address in the clothes of IPv6 is the
    IPv4 address.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        # A zone ("%eth0") means something on this host only, and databases refuse it.
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def _is_trusted(address: _Address, trusted: tuple[_Network, ...]) -> bool:
    return any(address in network for network in trusted)


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[_Network, ...]:
    named = (PRIVATE_NETWORKS if text == PRIVATE else (text,) for text in texts)
    return tuple(_unmap(ip_network(text)) for text in chain(*named) if text != UNIX_SOCKET)


class _OncePerSettings:
    """Says yes once in each process, and again where tests or reloads bring other settings."""

    def __init__(self) -> None:
        self._settings: Settings | None = None

    def __call__(self) -> bool:
        last, self._settings = self._settings, get_settings()
        return last is not self._settings


_is_news = _OncePerSettings()


def _warn_of_unnamed_proxy(request: HttpRequest, peer: _Address | None) -> None:
    """Log that a proxy stands in for all clients, where a request shows it.

    A peer of the internet may have made the header up; one of a private network or a Unix socket
    is no client.
    """
    if "HTTP_X_FORWARDED_FOR" not in request.META:
        return
    if peer is not None and not _is_trusted(peer, _networks((PRIVATE,))):
        return
    if _is_news():
        word = UNIX_SOCKET if peer is None else PRIVATE
        logger.warning(
            "A request with X-Forwarded-For came from %s, and %s['TRUSTED_PROXIES'] is empty: all "
            "clients of that proxy share its address. Five wrong logins by anybody lock an "
            "account for everybody, and logins by lists of accounts are not limited. Name the "
            "networks of your proxies, such as ['%s'].",
            *(peer or "a Unix socket", NAMESPACE, word),
        )


def _unmap(network: _Network) -> _Network:
    """A network of IPv4 in the clothes of IPv6, as its addresses are read."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        address = IPv4Address(int(network.network_address) & 0xFFFF_FFFF)
        return IPv4Network((address, network.prefixlen - _MAPPED.prefixlen))
    return network
