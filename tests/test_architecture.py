"""``docs/architecture.md`` against the code."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
WALKS = PAGE.partition("\n## Modules\n")[0]


def find_object(path: str) -> object:
    """Import the longest module of a dotted path within the package, and read the rest of it."""
    names = path.split(".")
    found: object = None
    for length in range(len(names), 0, -1):
        try:
            found = import_module("refresh_sessions." + ".".join(names[:length]))
        except ModuleNotFoundError:
            continue
        for name in names[length:]:
            found = getattr(found, name)
        return found
    raise AssertionError(f"the package has no module for {path}")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z_]+(?:\.\w+)+)`", WALKS))))
def test_walks_name_objects_that_exist(path):
    if path.endswith((".md", ".py", ".toml")):
        assert any((folder / path).exists() for folder in (ROOT, ROOT / "refresh_sessions"))
    else:
        # A model's column is an attribute of the class as well.
        find_object(path)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w/]+/(?:\w+\.(?:py|md))?)`", WALKS))))
def test_walks_name_files_that_exist(path):
    endpoint = re.fullmatch(r"(login|refresh|logout|revoke)/", path)
    assert endpoint or (ROOT / path).exists() or (ROOT / "refresh_sessions" / path).exists()


def test_picture_and_tables_are_up_to_date():
    done = subprocess.run(  # noqa: S603  (our own script)
        [sys.executable, ROOT / "scripts" / "architecture", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
