"""Write the tables of docs/standards.md: ``python -m tests.standards.page``.

The command runs the tests of this folder first and writes nothing if one fails.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from refresh_sessions import presets
from refresh_sessions.conf import Settings
from tests.standards.items import CHAPTERS, ITEMS, NOTES, OTHERS, Item, Level
from tests.standards.registry import Entry, Standing, load

PAGE: Final = Path(__file__).parents[2] / "docs" / "standards.md"

_LIMITS: Final = {
    "SESSION_LIFETIME": "hard limit of a session",
    "REFRESH_TOKEN_LIFETIME": "idle limit",
    "ACCESS_TOKEN_LIFETIME": "access token",
    "REAUTHENTICATION_MAX_AGE": "re-authentication, for a sensitive action",
    "MAX_SESSIONS_PER_USER": "sessions at a time",
    "ON_SESSION_LIMIT": "login at the limit of sessions",
    "MAX_REFRESHES_PER_SESSION": "refreshes of a session",
}
_REQUIRED: Final = (Standing.PASSED, Standing.DEVIATES, Standing.NOT_APPLICABLE)
_PRESETS: Final = ("STRICT", "AAL2", "AAL3")
_UNITS: Final = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def render(page: str) -> str:
    """Return the page with current tables."""
    tables = {"limits": limits, "presets": preset_table, "summary": summary, "items": item_tables}
    for name, table in tables.items():
        pattern = rf"(?<=<!-- begin {name} -->\n).*?(?=<!-- end {name} -->)"
        # ``re.sub`` interprets backslashes in the replacement.
        body = "\n".join([*table(), ""]).replace("\\", r"\\")
        page, found = re.subn(pattern, body, page, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"{PAGE.name} has {found} markers for the table {name!r}.")
    return page


def limits() -> Iterator[str]:
    """Yield the table of default limits."""
    yield "| limit | by default | setting |"
    yield "|---|---|---|"
    for key, words in _LIMITS.items():
        yield f"| {words} | {in_words(getattr(Settings(), key))} | `{key}` |"


def preset_table() -> Iterator[str]:
    """Yield the table of presets."""
    yield "| setting | by default | " + " | ".join(f"`presets.{name}`" for name in _PRESETS) + " |"
    yield "|---|---|" + "---|" * len(_PRESETS)
    chosen: list[Mapping[str, Any]] = [getattr(presets, name) for name in _PRESETS]
    for key in dict.fromkeys(key for preset in chosen for key in preset):
        cells = [
            in_words(preset[key]) if key in preset else in_words(getattr(Settings(), key))
            for preset in chosen
        ]
        yield f"| `{key}` | {in_words(getattr(Settings(), key))} | " + " | ".join(cells) + " |"


def summary() -> Iterator[str]:
    """Yield the number of items per standing."""
    entries = load()
    required = [item for item in ITEMS if item.level is not Level.BEYOND]
    count = Counter(entries[item.id].standing for item in required if item.id in entries)
    yield "| items | passed | deviates, with the setting for the letter | not applicable |"
    yield "|---|---|---|---|"
    yield (
        f"| {len(required)} | " + " | ".join(str(count[standing]) for standing in _REQUIRED) + " |"
    )


def item_tables() -> Iterator[str]:
    """Yield the table of each chapter."""
    entries = load()
    for chapter in (*CHAPTERS.values(), OTHERS):
        items = [item for item in ITEMS if item.chapter == chapter]
        yield f"### {chapter}"
        yield ""
        if chapter in NOTES:
            yield NOTES[chapter]
            yield ""
        yield "| item | | by default | what the package does | test |"
        yield "|---|---|---|---|---|"
        for item in sorted(items, key=_order):
            if item.id in entries:
                yield _row(item, entries[item.id])
        yield ""


def in_words(value: object) -> str:
    """Format a value for the tables."""
    if value is None:
        return "no limit"
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        # Like the standards: 24 hours, not 1 day.
        days = seconds % 86400 == 0 and seconds > 86400
        fitting = (unit for unit in _UNITS[not days :] if seconds and seconds % unit[1] == 0)
        unit, length = next(fitting, _UNITS[-1])
        number = seconds // length
        return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
    return f"`{value!r}`"


def _order(item: Item) -> tuple[str, list[int], str]:
    standard, _, section = item.id.partition(" ")
    numbers = [int(number) for number in re.findall(r"\d+", section)]
    return standard, numbers, section


def _row(item: Item, entry: Entry) -> str:
    name = " = ".join((item.id, *item.also))
    standing, text = str(entry.standing), entry.text
    if entry.standing is Standing.DEVIATES:
        standing = f"**{standing}**"
        text = f"*Letter:* {text} *Default:* {entry.why} *Setting:* {entry.remedy}."
    link = f"[{entry.file}](../tests/standards/{entry.file})" if entry.file else ""
    return f"| {name} | {item.level} | {standing} | {text} | {link} |"


def main() -> int:
    """Run the tests, then write the page."""
    folder = Path(__file__).parent
    current = "tests/standards/test_page.py::test_standards_page_tables_match_registry"
    failed = pytest.main(["-q", str(folder), "--deselect", current])
    if failed:
        print("A test failed: the page is unchanged.", file=sys.stderr)  # noqa: T201
        return int(failed)
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
