"""Any module of the package may be the first that a project imports."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "module",
    ["authentication", "exceptions", "views"],
)
def test_a_part_for_rest_framework_comes_first(module):
    """While its settings name the authentication class, which the framework's views import."""
    name = f"refresh_sessions.rest_framework.{module}"
    program = f"import django, importlib; django.setup(); importlib.import_module({name!r})"
    done = subprocess.run(  # noqa: S603  (our own code)
        [sys.executable, "-c", program],
        cwd=CHECKOUT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
