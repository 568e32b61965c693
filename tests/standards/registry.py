"""Registry of all items: a passing test, a deviation with its setting, or a reason.

A decorator registers the test of an item; the test's name starts with the item. The tables of
``docs/standards.md`` are generated from the registry.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., None])


class Standing(StrEnum):
    """How the package meets an item with its default settings."""

    PASSED = "passed"
    DEVIATES = "deviates"
    NOT_APPLICABLE = "not applicable"
    BEYOND = "beyond"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Standing and description of one item."""

    item: str
    standing: Standing
    text: str
    """What the package does for the item, or why the item does not apply."""
    why: str = ""
    remedy: str = ""
    """The setting that meets the item literally, in Markdown."""
    module: str = ""

    @property
    def file(self) -> str:
        """Return the file name of the test, or an empty string."""
        return f"{self.module.rpartition('.')[2]}.py" if self.module else ""


ENTRIES: Final[dict[str, Entry]] = {}


def passes(item: str, text: str) -> Callable[[Test], Test]:
    """Register the test of an item that the default settings meet.

    Args:
        item: its id in ``items.py``.
        text: what the package does, in one sentence.

    """

    def mark(test: Test) -> Test:
        _add(test, Entry(item=item, standing=Standing.PASSED, text=text, module=test.__module__))
        return test

    return mark


def deviates(
    item: str, text: str, *, why: str, letter: Mapping[str, Any], remedy: str
) -> Callable[[Test], Test]:
    """Register the test of an item that the package meets only with other settings.

    The test runs twice, with ``by_letter`` False under the defaults and True under ``letter``.

    Args:
        item: its id in ``items.py``.
        text: the literal requirement of the item.
        why: what the default does instead, and the reason.
        letter: the keys of ``REFRESH_SESSIONS`` that meet the item literally.
        remedy: the setting for a project, in Markdown.

    """

    def mark(test: Test) -> Test:
        _add(
            test,
            Entry(
                item=item,
                standing=Standing.DEVIATES,
                text=text,
                why=why,
                remedy=remedy,
                module=test.__module__,
            ),
        )
        twice = pytest.mark.parametrize(
            "by_letter", [None, letter], indirect=True, ids=["default", "letter"]
        )
        marked: Test = twice(test)
        return marked

    return mark


def not_applicable(item: str, why: str) -> None:
    """Register why the item does not apply to this package."""
    _enter(Entry(item=item, standing=Standing.NOT_APPLICABLE, text=why))


def beyond(item: str, state: str) -> None:
    """Register the standing of an optional item."""
    _enter(Entry(item=item, standing=Standing.BEYOND, text=state))


def load() -> Mapping[str, Entry]:
    """Return all entries of the test modules in this folder."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        import_module(f"{__package__}.{path.stem}")
    return ENTRIES


def name_for(item: str) -> str:
    """Return the prefix of the item's test name."""
    return f"test_{re.sub(r'[^a-z0-9]+', '_', item.lower()).strip('_')}"


def _add(test: Callable[..., None], entry: Entry) -> None:
    expected, name = name_for(entry.item), test.__name__
    if not (name == expected or name.startswith(f"{expected}_")):
        raise ValueError(f"The test of {entry.item} must be called {expected}_…, not {name}.")
    _enter(entry)


def _enter(entry: Entry) -> None:
    if entry.item in ENTRIES:
        raise ValueError(f"{entry.item} is registered already.")
    ENTRIES[entry.item] = entry
