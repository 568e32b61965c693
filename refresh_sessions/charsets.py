"""What a MySQL or MariaDB database can store of a text. Elsewhere all of Unicode fits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

WHOLE: Final = "utf8mb4"
"""The character set that has all of Unicode."""

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_BEYOND_THREE_BYTES: Final = re.compile(r"[^\u0000-\uffff]")
_BEYOND_ASCII: Final = re.compile(r"[^\u0000-\u007f]")
_LACKING: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    WHOLE: (re.compile(r"(?!)"), ""),
    # Three bytes for each character: no emoji, and not the rarer Chinese characters.
    "utf8mb3": (_BEYOND_THREE_BYTES, _REPLACEMENT),
    "utf8": (_BEYOND_THREE_BYTES, _REPLACEMENT),
    "ucs2": (_BEYOND_THREE_BYTES, _REPLACEMENT),
}
_known: dict[tuple[str, str, str, str], frozenset[str]] = {}


def make_storable(text: str, connection: BaseDatabaseWrapper, *, table: str, column: str) -> str:
    """The text with a replacement for each character that the column cannot hold.

    The server would refuse the whole row otherwise. A name with an emoji may lose that; a person
    with such a name must not lose the sign-in.
    """
    if connection.vendor != "mysql" or text.isascii():
        return text
    for charset in get_charsets(connection, table=table, column=column):
        pattern, replacement = _LACKING.get(charset, (_BEYOND_ASCII, "?"))
        text = pattern.sub(replacement, text)
    return text


def get_charsets(connection: BaseDatabaseWrapper, *, table: str, column: str) -> frozenset[str]:
    """The character sets of a connection and of a column; asked of the server once."""
    settings: Any = connection.settings_dict
    place = (str(settings["HOST"]), str(settings["PORT"]), str(settings["NAME"]))
    key = (connection.alias, "/".join(place), table, column)
    if key not in _known:
        _known[key] = _read(connection, table, column)
    return _known[key]


def _read(connection: BaseDatabaseWrapper, table: str, column: str) -> frozenset[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT @@character_set_client, MAX(character_set_name) "
            "FROM information_schema.columns "
            "WHERE table_schema = DATABASE() AND table_name = %s AND column_name = %s",
            [table, column],
        )
        row = cursor.fetchone() or ()
    return frozenset(str(charset).lower() for charset in row if charset)
