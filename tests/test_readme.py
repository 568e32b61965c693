"""What the README promises is what the package does."""

import re
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import get_resolver

from refresh_sessions import exceptions, signals
from refresh_sessions.conf import Settings

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def row_of(setting: str) -> list[str]:
    line = re.search(rf"^\| `{setting}` \|.*$", README, re.MULTILINE)
    assert line, f"{setting} is not in the README"
    return [cell.strip() for cell in line.group().strip("|").split("|")]


def in_words(value) -> str:
    """A default as the table writes it."""
    if isinstance(value, timedelta):
        for unit, length in (("day", 86400), ("minute", 60), ("second", 1)):
            count, rest = divmod(int(value.total_seconds()), length)
            if count and not rest:
                return f"{count} {unit}{'s' if count > 1 else ''}"
    return "empty" if value in ((), {}) else str(value)


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_setting_with_its_default(field):
    default = getattr(Settings(), field.name)
    written = row_of(field.name)[2].strip("`").strip('"')
    assert written == in_words(default)


def test_every_endpoint():
    resolver = get_resolver("refresh_sessions.urls")
    for pattern in resolver.url_patterns:
        path = re.sub(r"<.*?>", "{id}", str(pattern.pattern))
        assert f"{path}" in README


def test_every_code():
    codes = {
        error.code
        for error in vars(exceptions).values()
        if isinstance(error, type)
        and issubclass(error, exceptions.RefreshSessionsError)
        and error is not exceptions.RefreshSessionsError
    }
    assert codes
    for code in codes:
        assert f"`{code}`" in README


def test_every_signal():
    for name in vars(signals):
        if name.startswith(("session_", "refresh_")):
            assert f"`{name}`" in README


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (Path(__file__).parent.parent / target).exists(), target
