"""django-unfold, the best known theme, has to be there before Django's admin is set up."""

import pytest

from tests.interpreters import run_tests_afresh

pytest.importorskip("unfold", reason="django-unfold is not installed")


def test_the_admin_works_in_a_theme():
    run_tests_afresh("tests/admin/unfolded/pages.py", settings="tests.admin.unfolded.settings")
