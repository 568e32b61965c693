"""What stands in for each item: a test that passes, a deviation with its remedy, or a reason.

A test takes its item by decorator, and has to be named after it. ``docs/standards.md`` is written
from what is registered here.
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
    """How the package stands to an item, with its default settings."""

    PASSED = "passed"
    DEVIATES = "deviates"
    NOT_APPLICABLE = "not applicable"
    BEYOND = "beyond"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is said of one item."""

    item: str
    standing: Standing
    text: str
    """What the package does about it; the reason, where nothing can be done."""
    why: str = ""
    remedy: str = ""
    """The setting that gives the letter, in Markdown."""
    module: str = ""

    @property
    def file(self) -> str:
        """The file of the test, or nothing where there is none."""
        return f"{self.module.rpartition('.')[2]}.py" if self.module else ""


ENTRIES: Final[dict[str, Entry]] = {}


def passes(item: str, text: str) -> Callable[[Test], Test]:
    """Mark the test that shows the item to be met by default.

    Args:
        item: its id in ``items.py``.
        text: what the package does, in one sentence of its own.

    """

    def mark(test: Test) -> Test:
        _add(test, Entry(item=item, standing=Standing.PASSED, text=text, module=test.__module__))
        return test

    return mark


def deviates(
    item: str, text: str, *, why: str, letter: Mapping[str, Any], remedy: str
) -> Callable[[Test], Test]:
    """Mark the test that shows the deviation, and that the named settings end it.

    The test runs twice, with ``by_letter`` False under the defaults and True under ``letter``.

    Args:
        item: its id in ``items.py``.
        text: what the letter of the item asks for.
        why: what the default does instead, and for which reason.
        letter: the keys of ``REFRESH_SESSIONS`` that give the letter.
        remedy: how a project says so, in Markdown.

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
    """Say why the item is not for this package to meet."""
    _enter(Entry(item=item, standing=Standing.NOT_APPLICABLE, text=why))


def beyond(item: str, state: str) -> None:
    """Say how an item stands that nobody has to meet."""
    _enter(Entry(item=item, standing=Standing.BEYOND, text=state))


def load() -> Mapping[str, Entry]:
    """All entries of all modules of tests beside this one."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        import_module(f"{__package__}.{path.stem}")
    return ENTRIES


def name_for(item: str) -> str:
    """How the name of an item's test begins."""
    return f"test_{re.sub(r'[^a-z0-9]+', '_', item.lower()).strip('_')}"


def _add(test: Callable[..., None], entry: Entry) -> None:
    expected, name = name_for(entry.item), test.__name__
    if not (name == expected or name.startswith(f"{expected}_")):
        raise ValueError(f"The test of {entry.item} is to be called {expected}_…, not {name}.")
    _enter(entry)


def _enter(entry: Entry) -> None:
    if entry.item in ENTRIES:
        raise ValueError(f"{entry.item} has been spoken for already.")
    ENTRIES[entry.item] = entry
