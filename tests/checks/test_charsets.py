"""Character sets of MySQL and MariaDB: what the check says without a server."""

from types import SimpleNamespace

import pytest

from refresh_sessions import charsets
from refresh_sessions.checks import databases as checks

MYSQL = {"HOST": "db", "PORT": "", "NAME": "shop"}


class Connections(dict):
    """The configured databases, by alias."""


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
def test_configured_charset_that_lacks_emoji_is_named_with_the_remedy(use, charset):
    use(configured(charset=charset))
    (message,) = checks.check_configured_charsets()
    assert message.id == "refresh_sessions.W025"
    assert repr(charset) in message.msg
    assert "utf8mb4" in message.hint


@pytest.mark.parametrize("options", [{"charset": "utf8mb4"}, {}])
def test_configured_charset_that_has_all_is_fine(use, options):
    use(configured(**options))
    assert list(checks.check_configured_charsets()) == []


@pytest.mark.parametrize("databases", [None, []])
def test_check_that_may_ask_no_database_asks_none(use, databases):
    use(configured())
    assert list(checks.check_stored_charsets(databases)) == []


def test_stored_charset_is_named_with_its_table(use, monkeypatch):
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
    def test_text_keeps_what_the_character_sets_hold(self, monkeypatch, sets, stored):
        assert self.store(monkeypatch, "Jörg\u2019s 📱 手", *sets) == stored

    def test_text_of_other_databases_stays_as_it_is(self, monkeypatch):
        assert self.store(monkeypatch, "📱", "utf8mb3", vendor="postgresql") == "📱"
