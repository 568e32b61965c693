"""The JavaScript client: its own tests, which node runs, and its size.

The tests of the adapters and of the npm package need libraries: ``tests/clients``.
"""

import gzip
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.storage import FileSystemStorage

from refresh_sessions.conf import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
NAME = "refresh_sessions/client.js"
MODULE = CHECKOUT / "refresh_sessions" / "static" / NAME
TESTS = CHECKOUT / "clients" / "js" / "test"

MAX_SIZE = 6000
MAX_SIZE_WITHOUT_COMMENTS = 5000
"""Bytes that a browser loads, compressed with gzip."""

OLDEST_NODE = 20


def missing_node() -> str | None:
    """Return why node cannot run the tests, or None if it can."""
    if (node := shutil.which("node")) is None:
        return "node is not installed"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return None if int(version.stdout[1:].split(".")[0]) >= OLDEST_NODE else "node is too old"


@pytest.mark.parametrize(
    ("name", "least"), [("client", 70), ("bad-input", 50), ("budget", 20), ("tabs", 500)]
)
def test_module_in_node_passes_its_tests(name, least):
    if reason := missing_node():
        if os.environ.get("REFRESH_SESSIONS_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    done = subprocess.run(  # noqa: S603  (our own tests)
        ["node", "--test", str(TESTS / f"{name}.test.js")],  # noqa: S607
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:]
    (passed,) = re.findall(r"^\S+ pass (\d+)", done.stdout, re.MULTILINE)
    assert int(passed) >= least


class AggregatingStorage(ManifestStaticFilesStorage):
    """The storage that changes most: it replaces the paths of imports, too."""

    support_js_module_import_aggregation = True


def test_module_under_manifest_storage_is_unchanged(tmp_path):
    found = finders.find(NAME)
    assert found
    assert Path(found).samefile(MODULE)
    storage = AggregatingStorage(location=tmp_path, base_url="/static/")
    source = FileSystemStorage(location=MODULE.parents[1])
    with source.open(NAME) as file:
        storage.save(NAME, file)
    ((_, hashed, processed),) = storage.post_process({NAME: (source, NAME)})
    assert processed is True
    assert re.fullmatch(r"refresh_sessions/client\.[0-9a-f]{12}\.js", hashed)
    assert (tmp_path / hashed).read_bytes() == MODULE.read_bytes()


def test_module_size_is_below_limit():
    text = MODULE.read_text("utf-8")
    code = re.sub(r"/\*\*[\s\S]*?\*/|(?<!\S)// .*", "", text)
    assert compressed_size(text) < MAX_SIZE
    assert compressed_size(code) < MAX_SIZE_WITHOUT_COMMENTS


def compressed_size(text: str) -> int:
    return len(gzip.compress(text.encode(), 9, mtime=0))


def test_module_time_out_of_refresh_is_below_third_of_overlap():
    (time_out,) = re.findall(r"^const TIMEOUT = (\d+);", MODULE.read_text("utf-8"), re.MULTILINE)
    assert int(time_out) < Settings().ROTATION_OVERLAP.total_seconds() * 1000 / 3
