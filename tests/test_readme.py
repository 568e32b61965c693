"""README and reference pages name each setting, endpoint, error code and signal."""

import re
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import get_resolver

from refresh_sessions import exceptions, signals
from refresh_sessions.conf import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
ENDPOINTS = (ROOT / "docs" / "endpoints.md").read_text(encoding="utf-8")
PYTHON = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def row_of(setting: str, page: str) -> list[str]:
    line = re.search(rf"^\| `{setting}` \|.*$", page, re.MULTILINE)
    assert line, f"{setting} is not on the page"
    return [cell.strip() for cell in line.group().strip("|").split("|")]


def in_words(value) -> str:
    """A default as the table writes it."""
    if isinstance(value, timedelta):
        for unit, length in (("day", 86400), ("minute", 60), ("second", 1)):
            count, rest = divmod(int(value.total_seconds()), length)
            if count and not rest:
                return f"{count} {unit}{'s' if count > 1 else ''}"
    return "empty" if value in ((), {}) else str(value)


def default_of(name: str) -> str:
    return in_words(getattr(Settings(), name))


def unquoted(cell: str) -> str:
    return cell.strip("`").strip('"')


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_settings_page_has_each_setting_with_its_default(field):
    assert unquoted(row_of(field.name, SETTINGS)[2]) == default_of(field.name)


def test_readme_has_defaults_of_package():
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]+?) \|", README, re.MULTILINE)
    assert len(rows) > 5
    for name, default in rows:
        # The README names classes without their modules.
        assert unquoted(default) == default_of(name).rpartition("policies.")[2], name


@pytest.mark.parametrize("page", [README, ENDPOINTS], ids=["readme", "endpoints"])
def test_page_has_each_endpoint(page):
    resolver = get_resolver("refresh_sessions.urls")
    assert resolver.url_patterns
    for pattern in resolver.url_patterns:
        path = re.sub(r"<.*?>", "{id}", str(pattern.pattern))
        assert re.search(rf"`(?:[A-Z]+ )?{re.escape(path)}`", page), path


def test_endpoints_page_has_each_error_code():
    codes = {
        error.code
        for error in vars(exceptions).values()
        if isinstance(error, type)
        and issubclass(error, exceptions.RefreshSessionsError)
        and error is not exceptions.RefreshSessionsError
    }
    assert codes
    for code in codes:
        assert f"`{code}`" in ENDPOINTS


def test_python_page_has_each_signal():
    names = [name for name in vars(signals) if name.startswith(("bound_", "session_", "refresh_"))]
    assert names
    for name in names:
        assert f"`{name}`" in PYTHON
