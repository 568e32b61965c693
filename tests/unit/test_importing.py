"""Each module of the package can be the first that a project imports."""

import pytest

from tests.interpreters import run_afresh


@pytest.mark.parametrize("module", ["authentication", "exceptions", "views"])
def test_rest_framework_module_can_be_imported_first(module):
    """The settings name the authentication class, which REST framework's views import."""
    name = f"refresh_sessions.rest_framework.{module}"
    run_afresh(f"import django, importlib; django.setup(); importlib.import_module({name!r})")


@pytest.mark.parametrize("missing", ["anyio", "filelock", "httpx"])
def test_client_without_its_extra_names_the_command_that_installs_it(missing):
    output = run_afresh(
        f"import sys; sys.modules[{missing!r}] = None\n"
        "try: import refresh_sessions.client\n"
        "except ImportError as error: print(error)\n"
        "else: print('imported')"
    )
    assert 'pip install "django-refresh-sessions[client]"' in output
