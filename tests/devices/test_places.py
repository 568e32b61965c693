"""The place of an address, if the project has configured Django's GeoIP2."""

import logging
import socket
from functools import lru_cache

import pytest
from django.utils import translation

from refresh_sessions.devices import get_place, places
from refresh_sessions.models import DeviceSession
from tests.devices.mmdb import write_database

ENGLAND = {"en": "United Kingdom", "de": "Vereinigtes Königreich", "pt-BR": "Reino Unido"}
RECORDS = {
    "81.2.69.0/24": {
        "city": {"names": {"en": "London", "pt-BR": "Londres", "zh-CN": "伦敦"}},
        "country": {"iso_code": "GB", "names": ENGLAND},
    },
    "2a02:d300::/32": {"country": {"names": {"en": "Ukraine"}}},
    "9.9.9.0/24": {"city": {"names": {"en": "Atlantis"}}},
    "9.9.8.0/24": {"continent": {"code": "EU"}},
    "9.9.7.0/24": {"country": {"names": {"fr": "Suisse"}}},
    "10.0.0.0/8": {"country": {"names": {"en": "Nowhere"}}},
}


@pytest.fixture(autouse=True)
def _anew():
    """Clear the cached results of other settings."""
    forget()
    yield
    forget()


def forget():
    places._find.cache_clear()
    places._open.cache_clear()


@pytest.fixture
def cities(settings, tmp_path):
    pytest.importorskip("geoip2")
    file = tmp_path / "GeoLite2-City.mmdb"
    file.write_bytes(write_database("GeoLite2-City", RECORDS))
    settings.GEOIP_PATH = tmp_path
    return file


@pytest.fixture
def no_lookups(monkeypatch):
    """Fail if a database is opened."""
    monkeypatch.setattr(places, "_open", lru_cache(pytest.fail))


class TestUnconfigured:
    def test_place_without_geoip_path_is_empty(self, no_lookups):
        assert get_place("81.2.69.142") == ""

    @pytest.mark.parametrize("path", [None, ""])
    def test_place_with_blank_geoip_path_is_empty(self, settings, no_lookups, path):
        settings.GEOIP_PATH = path
        assert get_place("81.2.69.142") == ""

    def test_place_without_geoip2_is_empty(self, settings, tmp_path, monkeypatch):
        settings.GEOIP_PATH = tmp_path
        monkeypatch.setattr(places, "find_spec", lambda name: None)
        assert get_place("81.2.69.142") == ""


class TestPlace:
    pytestmark = pytest.mark.usefixtures("cities")

    @pytest.mark.parametrize(
        ("address", "place"),
        [
            ("81.2.69.142", "London, United Kingdom"),
            ("2a02:d300::1", "Ukraine"),
            ("9.9.9.9", "Atlantis"),
            ("9.9.8.9", ""),
            ("9.9.7.9", ""),
            # Not in the database, without a place, malformed, missing.
            ("8.8.8.8", ""),
            ("10.1.1.1", ""),
            ("::1", ""),
            ("garbage", ""),
            ("", ""),
            (None, ""),
        ],
    )
    def test_place_of_address_is_named(self, address, place):
        assert get_place(address) == place

    @pytest.mark.parametrize(
        ("language", "place"),
        [
            ("de", "London, Vereinigtes Königreich"),
            ("de-at", "London, Vereinigtes Königreich"),
            ("pt-br", "Londres, Reino Unido"),
            ("pt", "Londres, Reino Unido"),
            ("zh-hans", "United Kingdom 伦敦"),
            ("nl", "London, United Kingdom"),
        ],
    )
    def test_place_is_in_the_active_language(self, language, place):
        get_place("81.2.69.142")  # cached in another language
        with translation.override(language):
            assert get_place("81.2.69.142") == place

    def test_place_without_active_language_is_english(self):
        with translation.override(None):
            assert get_place("81.2.69.142") == "London, United Kingdom"

    def test_place_of_session_is_found_from_address(self):
        assert DeviceSession(ip_address="81.2.69.142").place == "London, United Kingdom"
        assert DeviceSession().place == ""

    def test_place_is_looked_up_once(self, cities):
        assert get_place("81.2.69.142")
        places._open.cache_clear()
        cities.unlink()
        assert get_place("81.2.69.142") == "London, United Kingdom"

    def test_place_of_host_name_makes_no_dns_query(self, monkeypatch):
        monkeypatch.setattr(socket, "gethostbyname", pytest.fail)
        assert get_place("example.org") == ""


class TestCountries:
    def test_place_from_country_database_is_the_country(self, settings, tmp_path):
        pytest.importorskip("geoip2")
        file = tmp_path / "countries.mmdb"
        file.write_bytes(write_database("GeoLite2-Country", RECORDS))
        settings.GEOIP_PATH = str(file)
        assert get_place("81.2.69.142") == "United Kingdom"


class TestDatabaseErrors:
    """The page is shown with any faulty database."""

    def test_place_with_missing_database_is_empty_with_one_warning(
        self, settings, tmp_path, caplog
    ):
        pytest.importorskip("geoip2")
        settings.GEOIP_PATH = tmp_path / "nowhere"
        with caplog.at_level(logging.WARNING):
            assert [get_place("81.2.69.142"), get_place("81.2.69.143")] == ["", ""]
        (said,) = caplog.messages
        assert "nowhere" in said

    @pytest.mark.parametrize("content", [b"", b"garbage"])
    def test_place_with_malformed_database_is_empty(self, cities, content):
        cities.write_bytes(content)
        assert get_place("81.2.69.142") == ""

    def test_place_with_database_of_another_kind_is_empty(self, cities):
        cities.write_bytes(write_database("GeoLite2-ASN", RECORDS))
        assert get_place("81.2.69.142") == ""

    def test_place_with_damaged_record_is_empty(self, cities):
        cities.write_bytes(cities.read_bytes().replace(b"London", b"\xff" * len("London")))
        assert get_place("81.2.69.142") == ""
        assert get_place("2a02:d300::1") == "Ukraine"

    def test_place_with_geoip_path_of_wrong_type_is_empty(self, settings):
        pytest.importorskip("geoip2")
        settings.GEOIP_PATH = 42
        assert get_place("81.2.69.142") == ""
