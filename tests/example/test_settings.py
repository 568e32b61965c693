"""Settings of the example project, and environment variables that change them."""

import json
import sys
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from example_project import environment
from refresh_sessions.conf import Settings, parse_settings
from tests.example import commands

READ_OPTIONS = """
import django
django.setup()
from django.db import connection
from example_project import asgi, wsgi
import json
with connection.cursor() as cursor:
    journal = cursor.execute("PRAGMA journal_mode").fetchone()[0]
print(json.dumps([journal, connection.transaction_mode]))
"""


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in ("DATABASE_URL", "DJANGO_SECRET_KEY", "EXAMPLE_REFRESH_SESSIONS"):
        monkeypatch.delenv(name, raising=False)


def test_database_without_variable_is_sqlite(tmp_path):
    database = environment.database(tmp_path)

    assert database["ENGINE"] == "django.db.backends.sqlite3"
    assert database["NAME"] == tmp_path / "db.sqlite3"
    assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_database_url_selects_database(monkeypatch, tmp_path):
    url = "postgres://somebody:secret@127.0.0.1:5432/example"
    monkeypatch.setenv("DATABASE_URL", url)
    database = environment.database(tmp_path)

    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["NAME"], database["PORT"]) == ("example", 5432)
    assert "transaction_mode" not in database.get("OPTIONS", {})


def test_database_url_without_library_names_package(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "postgres://127.0.0.1/example")
    monkeypatch.setitem(sys.modules, "dj_database_url", None)

    with pytest.raises(ImproperlyConfigured, match="pip install"):
        environment.database(tmp_path)


def test_database_url_for_sqlite_uses_same_options(tmp_path):
    env = commands.environment(
        tmp_path / "x.sqlite3", DJANGO_SETTINGS_MODULE="example_project.settings"
    )
    done = commands.python("-c", READ_OPTIONS, env=env)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["wal", "IMMEDIATE"]


def test_secret_key_is_required_without_debug(monkeypatch):
    assert environment.secret_key(debug=True).startswith("django-insecure-")
    with pytest.raises(ImproperlyConfigured, match="DJANGO_SECRET_KEY"):
        environment.secret_key(debug=False)

    monkeypatch.setenv("DJANGO_SECRET_KEY", "the key")
    assert environment.secret_key(debug=False) == "the key"


def test_package_options_without_variable_are_defaults():
    assert parse_settings(environment.refresh_sessions_options()) == Settings()


def test_package_options_are_parsed_from_json(monkeypatch):
    monkeypatch.setenv(
        "EXAMPLE_REFRESH_SESSIONS",
        '{"ACCESS_TOKEN_LIFETIME": 2.5, "TRUSTED_PROXIES": ["10.0.0.0/8"],'
        ' "MAX_SESSIONS_PER_USER": 3, "CONFIRM_DELIVERY_AFTER": null}',
    )

    settings = parse_settings(environment.refresh_sessions_options())
    assert settings == Settings(
        ACCESS_TOKEN_LIFETIME=timedelta(seconds=2.5),
        TRUSTED_PROXIES=("10.0.0.0/8",),
        MAX_SESSIONS_PER_USER=3,
        CONFIRM_DELIVERY_AFTER=None,
    )


def test_package_options_unknown_name_is_refused_by_package(monkeypatch):
    monkeypatch.setenv("EXAMPLE_REFRESH_SESSIONS", '{"ACESS_TOKEN_LIFETIME": 2}')

    with pytest.raises(ImproperlyConfigured, match="Did you mean 'ACCESS_TOKEN_LIFETIME'"):
        parse_settings(environment.refresh_sessions_options())


@pytest.mark.parametrize("value", ["{", "[]", "2"])
def test_package_options_other_than_json_object_are_refused(monkeypatch, value):
    monkeypatch.setenv("EXAMPLE_REFRESH_SESSIONS", value)

    with pytest.raises(ImproperlyConfigured, match="EXAMPLE_REFRESH_SESSIONS"):
        environment.refresh_sessions_options()


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("True", True), ("0", False), ("", False)]
)
def test_flag_variable_is_parsed(monkeypatch, value, expected):
    monkeypatch.setenv("DJANGO_DEBUG", value)

    assert environment.flag("DJANGO_DEBUG", default=not expected) is expected


def test_list_variable_is_split_at_commas(monkeypatch):
    monkeypatch.setenv("DJANGO_ALLOWED_HOSTS", "a.example, b.example,")

    assert environment.words("DJANGO_ALLOWED_HOSTS", default=[]) == ["a.example", "b.example"]
