"""The address of a client, and whom to believe about it."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.http import HttpRequest

from refresh_sessions.conf import get_settings

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network


def client_address(request: HttpRequest) -> str | None:
    """The address of the client, or None where the server does not tell (a Unix socket).

    X-Forwarded-For is believed only as far as ``TRUSTED_PROXIES`` wrote it: it is walked from
    the right, and the first address that is not a trusted proxy's is the client's
    (ASVS 4.1.3, 15.3.4). What stands to the left of it anyone may have forged.
    """
    peer = _parse(request.META.get("REMOTE_ADDR", ""))
    trusted = _networks(get_settings().TRUSTED_PROXIES)
    if peer is None or not _is_trusted(peer, trusted):
        # A server behind a Unix socket has no peer address: then nothing can vouch for a header.
        return str(peer) if peer else None
    client = peer
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    for part in reversed(forwarded.split(",")):
        address = _parse(part)
        if address is None:
            break
        client = address
        if not _is_trusted(address, trusted):
            break
    return str(client)


def _parse(text: str) -> _Address | None:
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
    return tuple(ip_network(text) for text in texts)
