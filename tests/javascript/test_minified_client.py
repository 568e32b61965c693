"""The minified files of the JavaScript client: up to date, small, and the same client."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.interop.test_libraries import find_missing_library
from tests.javascript.test_client_module import (
    CHECKOUT,
    STATIC,
    TESTS,
    compressed_size,
    missing_node,
)

FOLDER = STATIC / "refresh_sessions"
NAMES = ("client", "client-dpop")

MAX_SIZE = 5000
MAX_SIZE_OF_DPOP = 2700
"""Bytes that a browser loads, compressed with gzip."""


def skip_or_fail(reason: str | None) -> None:
    if reason and os.environ.get("REFRESH_SESSIONS_REQUIRE_SERVERS") == "1":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def read(name: str) -> str:
    return (FOLDER / f"{name}.min.js").read_text("utf-8")


def test_minified_files_are_up_to_date():
    skip_or_fail(find_missing_library("terser"))
    done = subprocess.run(  # noqa: S603  (our own script)
        [sys.executable, str(CHECKOUT / "scripts" / "minify-client"), "--check"],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_minified_sizes_are_below_limits():
    assert compressed_size(read("client")) < MAX_SIZE
    assert compressed_size(read("client-dpop")) < MAX_SIZE_OF_DPOP


@pytest.mark.parametrize("name", ["client", "bad-input", "dpop"])
def test_minified_client_passes_tests_of_the_module(tmp_path, name):
    skip_or_fail(missing_node())
    tests = tmp_path / "clients" / "js" / "test"
    shutil.copytree(TESTS, tests)
    (tests.parent / "package.json").write_text(json.dumps({"type": "module"}))
    static = tmp_path / "refresh_sessions" / "static" / "refresh_sessions"
    static.mkdir(parents=True)
    (tmp_path / "refresh_sessions" / "package.json").write_text(json.dumps({"type": "module"}))
    for module in NAMES:
        # The tests import the modules by the names of their sources.
        text = read(module).replace("./client-dpop.min.js", "./client-dpop.js")
        (static / f"{module}.js").write_text(text, "utf-8")
    done = subprocess.run(  # noqa: S603  (our own tests)
        ["node", "--test", str(tests / f"{name}.test.js")],  # noqa: S607
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:]
