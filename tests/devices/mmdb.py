"""Writes a small database of places in MaxMind's format.

https://maxmind.github.io/MaxMind-DB/: a binary tree over the bits of an address, whose leaves
point into a data section, and metadata at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, ip_network
from typing import Any

_MARKER = b"\xab\xcd\xefMaxMind.com"
_SEPARATOR = bytes(16)
# Type numbers; those above 7 take an extra byte.
_STRING, _UINT16, _UINT32, _MAP, _UINT64, _ARRAY = 2, 5, 6, 7, 9, 11
# Readers require these integer widths.
_WIDTHS = {"build_epoch": (_UINT64, 8), "node_count": (_UINT32, 4)}


def write_database(
    kind: str, places: Mapping[str, Any], *, languages: tuple[str, ...] = ("en",)
) -> bytes:
    """Return a database of this kind ("GeoLite2-City") with the records of networks."""
    tree: list[list[Any]] = [[None, None]]
    data = b""
    for network, record in places.items():
        _plant(tree, network, len(data))
        data += _encode(record)
    description = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_800_000_000,
        "database_type": kind,
        "description": {"en": "Made up"},
        "ip_version": 6,
        "languages": list(languages),
        "node_count": len(tree),
        "record_size": 24,
    }
    nodes = b"".join(_pointer(side, len(tree)) for node in tree for side in node)
    return nodes + _SEPARATOR + data + _MARKER + _encode(description)


def _plant(tree: list[list[Any]], network: str, offset: int) -> None:
    net = ip_network(network)
    # IPv4 addresses are IPv6 addresses that begin with 96 zeros.
    length = net.prefixlen + (96 if isinstance(net, IPv4Network) else 0)
    bits = f"{int(net.network_address):0128b}"[:length]
    node = 0
    for bit in map(int, bits[:-1]):
        if tree[node][bit] is None:
            tree.append([None, None])
            tree[node][bit] = len(tree) - 1
        node = tree[node][bit]
    tree[node][int(bits[-1])] = ("data", offset)


def _pointer(side: Any, node_count: int) -> bytes:
    if side is None:
        number = node_count
    elif isinstance(side, int):
        number = side
    else:
        number = node_count + len(_SEPARATOR) + side[1]
    return number.to_bytes(3, "big")


def _encode(value: Any, key: str = "") -> bytes:
    if isinstance(value, Mapping):
        pairs = b"".join(_encode(name) + _encode(item, name) for name, item in value.items())
        return _head(_MAP, len(value)) + pairs
    if isinstance(value, list):
        return _head(_ARRAY, len(value)) + b"".join(map(_encode, value))
    if isinstance(value, int):
        kind, size = _WIDTHS.get(key, (_UINT16, 2))
        return _head(kind, size) + int(value).to_bytes(size, "big")
    text = str(value).encode()
    return _head(_STRING, len(text)) + text


def _head(kind: int, size: int) -> bytes:
    length, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    if kind > 7:
        return bytes([length, kind - 7]) + more
    return bytes([kind << 5 | length]) + more
