"""django-unfold must be installed before Django's admin is set up."""

import pytest

from tests.interpreters import run_tests_afresh

pytest.importorskip("unfold", reason="django-unfold is not installed")


def test_admin_with_unfold_theme_works():
    run_tests_afresh("tests/admin/unfolded/pages.py", settings="tests.admin.unfolded.settings")
