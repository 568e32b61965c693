"""The shipped catalogues, and the texts in the code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib

PACKAGE = Path(__file__).resolve().parents[2] / "refresh_sessions"
LANGUAGES = ("de", "es", "fr", "ja", "pt_BR", "zh_Hans")

_PLACEHOLDERS = re.compile(r"%\((\w+)\)[a-z]|(?<!%)%[sd]|\{(\w*)\}")

Key = tuple[str | None, str, str]


def po_of(language: str) -> polib.POFile:
    return polib.pofile(str(_path(language, "po")))


def mo_of(language: str) -> polib.MOFile:
    return polib.mofile(str(_path(language, "mo")))


def key_of(entry: polib.POEntry | polib.MOEntry) -> Key:
    return (entry.msgctxt, entry.msgid, entry.msgid_plural or "")


def forms_of(entry: polib.POEntry | polib.MOEntry) -> list[str]:
    """Return the translation, or one for each plural form of the language."""
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def placeholders(text: str) -> set[str]:
    return {match.group() for match in _PLACEHOLDERS.finditer(text)}


def extract(directory: Path) -> set[Key]:
    """Return the texts of the current code, extracted from a copy of the package."""
    copy = shutil.copytree(
        PACKAGE, directory / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__", "locale")
    )
    (copy / "locale").mkdir()
    # With a language, makemessages keeps the template of its catalogue. It needs no settings, and
    # not the folder itself on the path: its `html` would hide the module of the standard library.
    bare = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(
        [sys.executable, "-P", "-m", "django", "makemessages", "--locale", "de", "--keep-pot"],
        cwd=copy,
        env=bare,
        check=True,
        capture_output=True,
    )
    template = polib.pofile(str(copy / "locale" / "django.pot"))
    return {key_of(entry) for entry in template}


def _path(language: str, suffix: str) -> Path:
    return PACKAGE / "locale" / language / "LC_MESSAGES" / f"django.{suffix}"
