"""The code of docs/migrating.md, in a project with tokens of both packages."""

import pytest

from tests.interpreters import run_tests_afresh

pytest.importorskip("rest_framework_simplejwt", reason="simplejwt is not installed")
pytest.importorskip("knox", reason="knox is not installed")


def test_migration_page_works_in_own_project():
    run_tests_afresh("tests/migrating/flows.py", settings="tests.migrating.settings")
