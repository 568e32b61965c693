"""Any module of the package may be the first that a project imports."""

import pytest

from tests.interpreters import run_afresh


@pytest.mark.parametrize("module", ["authentication", "exceptions", "views"])
def test_rest_framework_module_can_be_imported_first(module):
    """While its settings name the authentication class, which the framework's views import."""
    name = f"refresh_sessions.rest_framework.{module}"
    run_afresh(f"import django, importlib; django.setup(); importlib.import_module({name!r})")
