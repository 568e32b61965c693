"""docs/migrating.md, done: a project with the tokens of this package and of another."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rest_framework_simplejwt", reason="simplejwt is not installed")
pytest.importorskip("knox", reason="knox is not installed")

ROOT = Path(__file__).parents[2]


def test_moving_as_the_page_says():
    # Without their warnings: what is deprecated in them is for their makers to replace.
    options = ["-q", "-p", "no:cacheprovider", "-W", "default"]
    settings = "--ds=tests.moving.settings"
    done = subprocess.run(  # noqa: S603  (our own tests, by our own interpreter)
        [sys.executable, "-m", "pytest", *options, settings, "tests/moving/flows.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
