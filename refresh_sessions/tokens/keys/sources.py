"""Key sources: read keys from files, environment variables or the settings."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from refresh_sessions.tokens.keys.errors import UnreadableKeyError
from refresh_sessions.tokens.keys.model import ALGORITHMS, Algorithm

_SOURCES: Final = ("file", "env", "value")
_EDDSA_ALIAS: Final = "ED25519"
"""The name of EdDSA in RFC 9864, in capitals."""
_UNSUPPORTED: Final = frozenset({"ES384", "ES512", "ES256K", "PS384", "PS512", "RS384", "RS512"})
"""Unsupported algorithms of RFC 7518 and RFC 8812, which are not misspellings."""
_KEY_LIKE: Final = re.compile(r"(?!/)(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9_+/=-]{40,}")
"""Matches base64 of a key, and no usual name of a file or variable."""
_EXAMPLE: Final = (
    "Write {'algorithm': 'ES256', 'file': '/path/to/key.pem'}, or 'env' with the name of an "
    "environment variable, or 'value' with the key itself."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of ``KEYS`` or ``REFRESH_KEYS`` with the text of its key, not parsed yet."""

    where: str
    """The path in the settings, for messages."""
    algorithm: Algorithm
    text: str = field(repr=False)
    origin: str


def read_entry(raw: Mapping[str, str], where: str) -> Entry:
    """Read the text of the key of an entry.

    Args:
        raw: the entry of the settings.
        where: the path in the settings, for messages.

    Raises:
        UnreadableKeyError: the entry is incomplete, or its source cannot be read.

    """
    fields = dict(raw)
    algorithm = _find_algorithm(fields.pop("algorithm", None), fields, where)
    if len(fields) != 1 or not fields.keys() <= set(_SOURCES):
        raise UnreadableKeyError(
            f"{where} must have, beside 'algorithm', one of 'file', 'env' and 'value'; it has "
            f"{_format_names(fields)}.",
            remedy=_EXAMPLE,
        )
    ((source, value),) = fields.items()
    text = _READERS[source](value, where)
    origin = "the setting itself" if source == "value" else f"{source} {value}"
    return Entry(where=where, algorithm=algorithm, text=text.strip(), origin=origin)


def _find_algorithm(name: str | None, others: Iterable[str], where: str) -> Algorithm:
    if name is None:
        raise UnreadableKeyError(
            f"{where} has no 'algorithm'; it has {_format_names(others)}.", remedy=_EXAMPLE
        )
    if name not in ALGORITHMS:
        close = _closest_algorithm(name)
        raise UnreadableKeyError(
            f"{where}: the algorithm {_format_name(name)} is not known"
            f"{f'; did you mean {close}?' if close else '.'}",
            remedy=f"Use one of {', '.join(ALGORITHMS)}.",
        )
    return ALGORITHMS[name]


def _closest_algorithm(name: str) -> str | None:
    names = {supported.upper(): supported for supported in ALGORITHMS} | {_EDDSA_ALIAS: "EdDSA"}
    normalized = name.strip().upper()
    close = difflib.get_close_matches(normalized, names, n=1, cutoff=0.8)
    return names[close[0]] if close and normalized not in _UNSUPPORTED else None


def _format_names(fields: Iterable[str]) -> str:
    return ", ".join(map(_format_name, sorted(fields))) or "none"


def _format_name(name: str) -> str:
    """A name for a message, masked if it looks like a misplaced key."""
    if "-----BEGIN" in name or "\n" in name or _KEY_LIKE.fullmatch(name):
        return "(not shown, as it looks like a key itself: that is for 'value')"
    return repr(name)


def _read_file(name: str, where: str) -> str:
    try:
        return Path(name).read_text(encoding="ascii")
    except OSError as error:
        raise UnreadableKeyError(
            f"{where} names the file {_format_name(name)}, which cannot be read: "
            f"{error.strerror}.",
            remedy="Give the absolute path of a file that the server's user may read.",
        ) from None
    except ValueError:
        raise UnreadableKeyError(
            f"{where} names the file {_format_name(name)}, which is not ASCII text.",
            remedy="Give a PEM file, or base64url for a symmetric algorithm.",
        ) from None


def _read_environment(name: str, where: str) -> str:
    text = os.environ.get(name)
    if not text:
        raise UnreadableKeyError(
            f"{where} names the environment variable {_format_name(name)}, which is not set.",
            remedy="Set it for the server, and for manage.py as well.",
        )
    # Many platforms store variables on one line, with escaped line breaks.
    return text.replace("\\n", "\n")


def _read_value(value: str, where: str) -> str:
    return value


_READERS: Final = {"file": _read_file, "env": _read_environment, "value": _read_value}
