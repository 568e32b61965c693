"""CSV that spreadsheets may open: whatever a stranger wrote stays text, and is never a formula.

A sign-in brings the name of a device and a user agent, and whoever signs in chooses both. A
spreadsheet takes a cell for a formula by its first character, and formulas fetch addresses and
start programs (OWASP, CSV Injection; ASVS 1.2.10).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from typing import Any, Final

BOM: Final = "\ufeff"
"""Stands at the head of the file: without it, spreadsheets do not read UTF-8 as such."""

# Of other widths, and the minus of mathematics: some spreadsheets take them for the same.
_VARIANTS: Final = "\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
_TRIGGERS: Final = f"=+\\-@{_VARIANTS}"
# Soft hyphens, directions of writing, fillers and other characters that nobody sees.
_INVISIBLE: Final = (
    r"\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
)
# What programs drop, or take for a quote, before they look for a formula.
_IGNORED: Final = rf"\s{_INVISIBLE}\"'`"
# Where a cell begins; a spreadsheet may also be set to another separator than the comma.
_STARTS: Final = r"^|[,;|\t\r\n]"
_FORMULA: Final = re.compile(f"({_STARTS})(?=[{_IGNORED}]*[{_TRIGGERS}])")
_CONTROL: Final = ("\t", "\r", "\n", "\0")

# JSON has these inside of strings alone, so they can be escaped wherever they stand. Tabs and line
# breaks it escapes by itself.
_ESCAPED_IN_JSON: Final = str.maketrans(
    {sign: f"\\u{ord(sign):04x}" for sign in f";|=@{_VARIANTS}"}
)


def format_rows(rows: Iterable[Iterable[object]]) -> str:
    """The rows as lines of CSV (RFC 4180), each cell in quotes and none of them a formula."""
    lines = io.StringIO()
    writer = csv.writer(lines, quoting=csv.QUOTE_ALL)
    writer.writerows([format_cell(value) for value in row] for row in rows)
    return lines.getvalue()


def format_cell(value: object) -> object:
    """What to write for a value.

    Text in which a formula would begin, at its start or after something that some spreadsheet
    takes for a separator, gets an apostrophe before it, which makes it text everywhere. A dict
    becomes JSON, where such characters can be written otherwise; a number stays as it is.
    """
    if isinstance(value, dict):
        return _format_json(value)
    if not isinstance(value, str):
        return value
    text = _FORMULA.sub(r"\1'", value)
    return f"'{text}" if text.startswith(_CONTROL) else text


def _format_json(value: dict[str, Any]) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text.translate(_ESCAPED_IN_JSON)
