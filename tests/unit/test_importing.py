"""Each module of the package can be the first that a project imports."""

import pytest

from tests.interpreters import run_afresh


@pytest.mark.parametrize("module", ["authentication", "exceptions", "views"])
def test_rest_framework_module_can_be_imported_first(module):
    """The settings name the authentication class, which REST framework's views import."""
    name = f"refresh_sessions.rest_framework.{module}"
    run_afresh(f"import django, importlib; django.setup(); importlib.import_module({name!r})")
