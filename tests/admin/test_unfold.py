"""django-unfold, the best known theme, has to be there before Django's admin is set up."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("unfold", reason="django-unfold is not installed")

ROOT = Path(__file__).parents[2]


def test_the_admin_works_in_a_theme():
    # Without its warnings: what is deprecated in the theme is for its makers to replace.
    options = ["-q", "-p", "no:cacheprovider", "-W", "default"]
    settings = "--ds=tests.admin.unfolded.settings"
    done = subprocess.run(  # noqa: S603  (our own tests, by our own interpreter)
        [sys.executable, "-m", "pytest", *options, settings, "tests/admin/unfolded/pages.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
