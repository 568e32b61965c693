"""Checks of character sets of MySQL and MariaDB, without a server."""

from types import SimpleNamespace

import pytest

from refresh_sessions import charsets
from refresh_sessions.checks import databases as checks

MYSQL = {"HOST": "db", "PORT": "", "NAME": "shop"}


class Connections(dict):
    """Set the configured databases, by alias."""


def configured(**options):
    settings = {**MYSQL, "OPTIONS": options}
    return SimpleNamespace(vendor="mysql", alias="default", settings_dict=settings)


@pytest.fixture
def use(monkeypatch):
    def set_up(connection):
        monkeypatch.setattr(checks, "connections", Connections(default=connection))
        monkeypatch.setattr(charsets, "_cached_charsets", {})

    return set_up


@pytest.mark.parametrize("charset", ["utf8", "utf8mb3", "latin1"])
def test_configured_charset_without_emoji_is_reported_with_hint(use, charset):
    use(configured(charset=charset))
    (message,) = checks.check_configured_charsets()
    assert message.id == "refresh_sessions.W025"
    assert repr(charset) in message.msg
    assert "utf8mb4" in message.hint


@pytest.mark.parametrize("options", [{"charset": "utf8mb4"}, {}])
def test_configured_charset_utf8mb4_is_not_reported(use, options):
    use(configured(**options))
    assert list(checks.check_configured_charsets()) == []


@pytest.mark.parametrize("databases", [None, []])
def test_charset_check_without_databases_takes_no_query(use, databases):
    use(configured())
    assert list(checks.check_stored_charsets(databases)) == []


def test_stored_charset_is_reported_with_table(use, monkeypatch):
    use(configured())
    monkeypatch.setattr(
        charsets, "_read_charsets", lambda *place: frozenset({"utf8mb4", "utf8mb3"})
    )
    (message,) = checks.check_stored_charsets(["default"])
    assert "'utf8mb3'" in message.msg
    assert "refresh_sessions_devicesession" in message.msg


class TestStorable:
    def store(self, monkeypatch, text, *sets, vendor="mysql"):
        connection = configured()
        connection.vendor = vendor
        monkeypatch.setattr(charsets, "_cached_charsets", {})
        monkeypatch.setattr(charsets, "_read_charsets", lambda *place: frozenset(sets))
        return charsets.make_storable(text, connection, table="t", column="c")

    @pytest.mark.parametrize(
        ("sets", "stored"),
        [
            (["utf8mb4"], "Jörg\u2019s 📱 手"),
            (["utf8mb4", "utf8mb3"], "Jörg\u2019s \ufffd 手"),
            (["utf8"], "Jörg\u2019s \ufffd 手"),
            (["utf8mb4", "latin1"], "J?rg?s ? ?"),
            ([], "Jörg\u2019s 📱 手"),
        ],
    )
    def test_stored_text_keeps_characters_of_the_column_charset(self, monkeypatch, sets, stored):
        assert self.store(monkeypatch, "Jörg\u2019s 📱 手", *sets) == stored

    def test_stored_text_on_other_databases_is_unchanged(self, monkeypatch):
        assert self.store(monkeypatch, "📱", "utf8mb3", vendor="postgresql") == "📱"
