"""Character sets: replace characters that a MySQL or MariaDB column cannot store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

WHOLE: Final = "utf8mb4"
"""The character set that covers all of Unicode."""

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_BEYOND_THREE_BYTES: Final = re.compile(r"[^\u0000-\uffff]")
_BEYOND_ASCII: Final = re.compile(r"[^\u0000-\u007f]")
_UNSUPPORTED: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    WHOLE: (re.compile(r"(?!)"), ""),
    # At most three bytes per character: no emoji, and no rare Chinese characters.
    "utf8mb3": (_BEYOND_THREE_BYTES, _REPLACEMENT),
    "utf8": (_BEYOND_THREE_BYTES, _REPLACEMENT),
    "ucs2": (_BEYOND_THREE_BYTES, _REPLACEMENT),
}
_cached_charsets: dict[tuple[str, str, str, str], frozenset[str]] = {}


def make_storable(text: str, connection: BaseDatabaseWrapper, *, table: str, column: str) -> str:
    """Replace the characters of a text that the column cannot store.

    Otherwise the server would reject the row, and an emoji in a name would prevent a login.
    """
    if connection.vendor != "mysql" or text.isascii():
        return text
    for charset in get_charsets(connection, table=table, column=column):
        pattern, replacement = _UNSUPPORTED.get(charset, (_BEYOND_ASCII, "?"))
        text = pattern.sub(replacement, text)
    return text


def get_charsets(connection: BaseDatabaseWrapper, *, table: str, column: str) -> frozenset[str]:
    """The character sets of a connection and a column, read from the server once per process."""
    settings: Any = connection.settings_dict
    address = (str(settings["HOST"]), str(settings["PORT"]), str(settings["NAME"]))
    key = (connection.alias, "/".join(address), table, column)
    if key not in _cached_charsets:
        _cached_charsets[key] = _read_charsets(connection, table, column)
    return _cached_charsets[key]


def _read_charsets(connection: BaseDatabaseWrapper, table: str, column: str) -> frozenset[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT @@character_set_client, MAX(character_set_name) "
            "FROM information_schema.columns "
            "WHERE table_schema = DATABASE() AND table_name = %s AND column_name = %s",
            [table, column],
        )
        row = cursor.fetchone() or ()
    return frozenset(str(charset).lower() for charset in row if charset)
