"""Segments: the parts of a compact JWT, as canonical base64url and as strict JSON objects."""

from __future__ import annotations

import json
import math
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from typing import Any, Final, NoReturn, cast

from refresh_sessions.redaction import hide, hide_item

_TO_BASE64: Final = bytes.maketrans(b"-_", b"+/")
_TO_BASE64URL: Final = bytes.maketrans(b"+/", b"-_")


def encode_segment(data: bytes) -> bytes:
    """Encode as base64url without padding (RFC 7515 §2)."""
    return b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_BASE64URL)


def decode_segment(segment: bytes) -> bytes:
    """Decode canonical base64url: no padding, no other alphabet, no unused bit set.

    Raises:
        ValueError: the segment is not the only canonical encoding of its content.

    """
    decoded = hide(a2b_base64(segment.translate(_TO_BASE64) + b"=="))
    if encode_segment(decoded) != segment:
        raise ValueError("not canonical base64url")
    return decoded


def dump_object(members: Mapping[str, Any]) -> bytes:
    """Encode a JSON object without white space.

    Raises:
        TypeError, ValueError: a value is not a JSON value; NaN and infinity are none.

    """
    return _encoder.encode(members).encode()


def load_object(data: bytes) -> dict[str, Any]:
    """Parse a JSON object in UTF-8; the value of a member ``secret`` is hidden.

    The length of a token bounds the nesting; ``RecursionError`` is raised below that bound if the
    stack is short.

    Raises:
        ValueError: not a JSON object, or with a repeated name or a number that is not finite.

    """
    members: object = _decoder.decode(hide(data.decode()))
    if not isinstance(members, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  (as all errors of the content)
    return members


def _to_object(members: Any) -> dict[str, Any]:
    # RFC 7519 §4: parsers reject repeated names or use the last one, so services may differ.
    # The list of the parser is not kept: it contains the secret.
    count, members = len(members), hide_item(dict(members), "secret")
    if len(members) != count:
        raise ValueError("a repeated name")
    return cast("dict[str, Any]", members)


def _to_finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_encoder: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_to_object, parse_float=_to_finite, parse_constant=_refuse
)
