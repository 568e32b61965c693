"""Commands that only read code work without a database server, as in an image build."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.interpreters import run_afresh

PROGRAM = """
import tests.settings
# Nothing listens on port 1: a connection is refused at once.
server = {{"HOST": "127.0.0.1", "PORT": "1", "NAME": "none", "USER": "none", "PASSWORD": "none"}}
tests.settings.DATABASES = {{"default": {{"ENGINE": "django.db.backends.postgresql", **server}}}}
if {schema!r}:
    tests.settings.INSTALLED_APPS.append("drf_spectacular")
import django
django.setup()
from io import StringIO
from django.core.management import call_command
from django.db import OperationalError, connection
for command, options in {commands!r}:
    call_command(command, **options, stdout=StringIO(), stderr=StringIO())
try:
    connection.ensure_connection()
except OperationalError:
    pass
else:
    raise AssertionError("There is a server after all.")
"""

COMMANDS = [
    ("check", {}),
    ("check", {"deploy": True, "fail_level": "CRITICAL"}),
    ("check", {"tags": ["refresh_sessions"]}),
]
SCHEMA = [("spectacular", {"validate": True, "file": "/dev/null"})]


@pytest.mark.uses_database  # The driver is installed with the server only.
def test_commands_without_queries_work_without_postgresql():
    pytest.importorskip("psycopg")
    schema = SCHEMA if find_spec("drf_spectacular") else []
    run_afresh(PROGRAM.format(commands=[*COMMANDS, *schema], schema=schema))
