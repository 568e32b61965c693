"""Where keys come from: a file, an environment variable, or the setting itself."""

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
_CURVE: Final = "ED25519"
"""The name of RFC 9864 for what others call EdDSA, in capitals."""
_OTHERS: Final = frozenset({"ES384", "ES512", "ES256K", "PS384", "PS512", "RS384", "RS512"})
"""Algorithms of RFC 7518 and RFC 8812 that are not known here, and are no misspelling."""
_RANDOM: Final = re.compile(r"(?!/)(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9_+/=-]{40,}")
"""Like base64 of a key, and unlike the names of files and variables."""
_EXAMPLE: Final = (
    "Write {'algorithm': 'ES256', 'file': '/path/to/key.pem'}, or 'env' with the name of an "
    "environment variable, or 'value' with the key itself."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of ``KEYS`` or ``REFRESH_KEYS``, read but not yet parsed."""

    where: str
    """The place in the settings, for messages."""
    algorithm: Algorithm
    text: str = field(repr=False)
    origin: str


def read_entry(raw: Mapping[str, str], where: str) -> Entry:
    """Find the key that an entry speaks of.

    Raises:
        UnreadableKeyError: the entry is incomplete, or there is no key where it says.

    """
    fields = dict(raw)
    algorithm = _find_algorithm(fields.pop("algorithm", None), fields, where)
    if len(fields) != 1 or not fields.keys() <= set(_SOURCES):
        raise UnreadableKeyError(
            f"{where} must have, beside 'algorithm', one of 'file', 'env' and 'value'; it has "
            f"{_listed(fields)}.",
            remedy=_EXAMPLE,
        )
    ((source, named),) = fields.items()
    text = _READERS[source](named, where)
    origin = "the setting itself" if source == "value" else f"{source} {named}"
    return Entry(where=where, algorithm=algorithm, text=text.strip(), origin=origin)


def _find_algorithm(name: str | None, others: Iterable[str], where: str) -> Algorithm:
    if name is None:
        raise UnreadableKeyError(
            f"{where} has no 'algorithm'; it has {_listed(others)}.", remedy=_EXAMPLE
        )
    if name not in ALGORITHMS:
        close = _closest_algorithm(name)
        raise UnreadableKeyError(
            f"{where}: the algorithm {_shown(name)} is not known"
            f"{f'; did you mean {close}?' if close else '.'}",
            remedy=f"Use one of {', '.join(ALGORITHMS)}.",
        )
    return ALGORITHMS[name]


def _closest_algorithm(name: str) -> str | None:
    names = {known.upper(): known for known in ALGORITHMS} | {_CURVE: "EdDSA"}
    meant = name.strip().upper()
    close = difflib.get_close_matches(meant, names, n=1, cutoff=0.8)
    return names[close[0]] if close and meant not in _OTHERS else None


def _listed(fields: Iterable[str]) -> str:
    # A name is shown as a value is: somebody may have put the key itself in its place.
    return ", ".join(map(_shown, sorted(fields))) or "none"


def _shown(name: str) -> str:
    """A name for a message, unless it is the key itself that somebody has put in its place."""
    if "-----BEGIN" in name or "\n" in name or _RANDOM.fullmatch(name):
        return "(not shown, as it looks like a key itself: that is for 'value')"
    return repr(name)


def _read_file(name: str, where: str) -> str:
    try:
        return Path(name).read_text(encoding="ascii")
    except OSError as error:
        raise UnreadableKeyError(
            f"{where} names the file {_shown(name)}, which cannot be read: {error.strerror}.",
            remedy="Give the absolute path of a file that the server's user may read.",
        ) from None
    except ValueError:
        raise UnreadableKeyError(
            f"{where} names the file {_shown(name)}, which is no text.",
            remedy="Give a PEM file, or base64url for a symmetric algorithm.",
        ) from None


def _read_environment(name: str, where: str) -> str:
    text = os.environ.get(name)
    if not text:
        raise UnreadableKeyError(
            f"{where} names the environment variable {_shown(name)}, which is not set.",
            remedy="Set it for the server, and for manage.py as well.",
        )
    # Many platforms keep a variable on one line, and write the breaks of a PEM so.
    return text.replace("\\n", "\n")


def _take_value(value: str, where: str) -> str:
    return value


_READERS: Final = {"file": _read_file, "env": _read_environment, "value": _take_value}
