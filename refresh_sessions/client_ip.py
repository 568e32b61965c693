"""The IP address of a client, with X-Forwarded-For from trusted proxies only."""

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


_CACHED: Final = 1024

_MAX_LENGTH: Final = 1024
"""Maximum characters of X-Forwarded-For that are read, from the right: about twenty proxies."""

_IPV6_PREFIX: Final = 64
"""Bits of an IPv6 address that the internet provider assigns; the customer chooses the rest."""


def get_client_ip(request: HttpRequest) -> str | None:
    """The address of the client, or None if the server does not know it (a Unix socket).

    Reads X-Forwarded-For from right to left as long as the addresses are in ``TRUSTED_PROXIES``.
    The first other address is the client's (ASVS 4.1.3, 15.3.4); the addresses left of it may be
    forged. The header ``Forwarded`` (RFC 7239) is ignored: a proxy that sets X-Forwarded-For
    passes on a forged ``Forwarded`` unchanged.
    """
    peer = parse_ip(request.META.get("REMOTE_ADDR", ""))
    proxies = get_settings().TRUSTED_PROXIES
    trusted = _networks(proxies)
    peer_is_proxy = UNIX_SOCKET in proxies if peer is None else _is_trusted(peer, trusted)
    if not proxies:
        _warn_of_unnamed_proxy(request, peer)
    client = peer
    for part in _read_forwarded(request) if peer_is_proxy else ():
        address = parse_ip(part)
        if address is None:
            break
        client = address
        if not _is_trusted(address, trusted):
            break
    return str(client) if client else None


def get_client_network(request: HttpRequest) -> str:
    """The client's network for rate limits; empty if the server does not know the address.

    An IPv4 address, or the first 64 bits of an IPv6 address: a single customer of a provider can
    use all addresses with this prefix (RFC 6177).
    """
    return get_network(get_client_ip(request))


def get_network(address: str | None) -> str:
    """The network for rate limits of an address from ``get_client_ip``."""
    if address is None or ":" not in address:
        return address or ""
    return str(IPv6Network((address, _IPV6_PREFIX), strict=False))


def _read_forwarded(request: HttpRequest) -> Iterator[str]:
    """The elements of X-Forwarded-For from right to left, without empty ones (RFC 9110 §5.6.1)."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    parts = forwarded[-_MAX_LENGTH:].split(",")
    if len(forwarded) > _MAX_LENGTH:
        # The first part is incomplete, and could be read as another address.
        del parts[0]
    return (part for part in reversed(parts) if part.strip())


@lru_cache(maxsize=_CACHED)
def parse_ip(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an address with optional brackets and port; None for any other text.

    An IPv4-mapped IPv6 address becomes the IPv4 address.
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
        # Remove the zone ("%eth0"): it is local to this host, and databases refuse it.
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def _is_trusted(address: _Address, trusted: tuple[_Network, ...]) -> bool:
    return any(address in network for network in trusted)


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[_Network, ...]:
    named = (PRIVATE_NETWORKS if text == PRIVATE else (text,) for text in texts)
    return tuple(_unmap(ip_network(text)) for text in chain(*named) if text != UNIX_SOCKET)


class _OncePerSettings:
    """True once per process and settings object; tests and reloads change the settings."""

    def __init__(self) -> None:
        self._settings: Settings | None = None

    def __call__(self) -> bool:
        last, self._settings = self._settings, get_settings()
        return last is not self._settings


_is_first_warning = _OncePerSettings()


def _warn_of_unnamed_proxy(request: HttpRequest, peer: _Address | None) -> None:
    """Log a warning if the request shows a proxy that is missing from ``TRUSTED_PROXIES``.

    A peer in a private network or behind a Unix socket is a proxy; a public peer may be a client
    with a forged header.
    """
    if "HTTP_X_FORWARDED_FOR" not in request.META:
        return
    if peer is not None and not _is_trusted(peer, _networks((PRIVATE,))):
        return
    if _is_first_warning():
        word = UNIX_SOCKET if peer is None else PRIVATE
        logger.warning(
            "A request with X-Forwarded-For arrived from %s, and %s['TRUSTED_PROXIES'] is empty: "
            "all clients of that proxy share its address. Five failed logins of any client lock "
            "an account for all clients, and logins with lists of accounts are not limited. Set "
            "it to the networks of your proxies, such as ['%s'].",
            *(peer or "a Unix socket", NAMESPACE, word),
        )


def _unmap(network: _Network) -> _Network:
    """The IPv4 network of an IPv4-mapped IPv6 network; other networks unchanged."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        address = IPv4Address(int(network.network_address) & 0xFFFF_FFFF)
        return IPv4Network((address, network.prefixlen - _MAPPED.prefixlen))
    return network
