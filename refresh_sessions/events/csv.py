"""CSV: format rows for spreadsheets, without formulas in untrusted text.

Clients choose the name of a device and the user agent. A spreadsheet recognizes formulas by the
first character of a cell, and formulas can request URLs and start programs (OWASP, CSV Injection;
ASVS 1.2.10).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from typing import Any, Final

BOM: Final = "\ufeff"
"""The byte order mark: without it, spreadsheets do not recognize UTF-8."""

# Fullwidth and small variants, and the mathematical minus: some spreadsheets treat them alike.
_VARIANTS: Final = "\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
_TRIGGERS: Final = f"=+\\-@{_VARIANTS}"
# Control characters, soft hyphens, writing directions, fillers and other invisible characters.
_INVISIBLE: Final = (
    r"\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
)
# Characters that spreadsheets ignore or treat as quotes before a formula.
_IGNORED: Final = rf"\s{_INVISIBLE}\"'`"
# Starts of a cell; spreadsheets may use other separators than the comma.
_STARTS: Final = r"^|[,;|\t\r\n]"
_FORMULA: Final = re.compile(f"({_STARTS})(?=[{_IGNORED}]*[{_TRIGGERS}])")
_CONTROL: Final = ("\t", "\r", "\n", "\0")

# JSON contains these characters only inside strings, so each can be escaped. json.dumps() escapes
# tabs and line breaks itself.
_ESCAPED_IN_JSON: Final = str.maketrans(
    {sign: f"\\u{ord(sign):04x}" for sign in f";|=@{_VARIANTS}"}
)


def format_rows(rows: Iterable[Iterable[object]]) -> str:
    """Format rows as CSV (RFC 4180), with quoted cells and without formulas."""
    lines = io.StringIO()
    writer = csv.writer(lines, quoting=csv.QUOTE_ALL)
    writer.writerows([format_cell(value) for value in row] for row in rows)
    return lines.getvalue()


def format_cell(value: object) -> object:
    """Format a value for a cell.

    An apostrophe before the start of a possible formula makes it text. Possible starts are the
    beginning of the text, and the position after a separator. A dict becomes JSON with escaped
    characters. Numbers stay unchanged.
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
