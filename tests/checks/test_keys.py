"""Checks of keys, with the libraries that the keys need."""

import pytest

from tests.checks.finding import found, ids
from tests.keys import entry, public_pem


class TestKeys:
    @pytest.fixture
    def asymmetric(self):
        pytest.importorskip("cryptography")

    def test_asymmetric_key_without_cryptography_is_reported(self, settings, monkeypatch):
        monkeypatch.setattr("refresh_sessions.tokens.keys.asymmetric.find_spec", lambda name: None)
        settings.REFRESH_SESSIONS = {"KEYS": [{"algorithm": "ES256", "value": "x"}]}
        assert ids() == ["E018"]
        assert "[crypto]" in str(found()[0].hint)

    def test_public_key_in_first_place_is_reported(self, settings, asymmetric):
        public = {"algorithm": "ES256", "value": public_pem("ES256")}
        settings.REFRESH_SESSIONS = {"KEYS": [public, entry("EdDSA")]}
        assert ids() == ["E016"]
        settings.REFRESH_SESSIONS = {"KEYS": [entry("EdDSA"), public]}
        assert ids() == []

    @pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "PS256"])
    def test_key_of_recommended_algorithm_is_not_reported(self, settings, asymmetric, algorithm):
        settings.REFRESH_SESSIONS = {"KEYS": [entry(algorithm)]}
        assert ids() == []

    def test_rs256_key_is_warned_about(self, settings, asymmetric):
        settings.REFRESH_SESSIONS = {"KEYS": [entry("ES256"), entry("RS256")]}
        assert ids() == ["W019"]

    @pytest.mark.parametrize("symmetric", ["SECRET_KEY", entry("HS256")], ids=["derived", "own"])
    def test_symmetric_key_beside_asymmetric_is_warned_about(
        self, settings, asymmetric, symmetric
    ):
        settings.REFRESH_SESSIONS = {"KEYS": [entry("ES256"), symmetric]}
        assert ids() == ["W020"]

    def test_key_errors_are_all_reported_without_warnings(self, settings, asymmetric):
        keys = ["x", entry("RS256"), {"algorithm": "ES256", "value": "y"}]
        settings.REFRESH_SESSIONS = {"KEYS": keys}
        assert ids() == ["E014", "E014"]

    def test_check_message_shows_no_key(self, settings):
        secret = entry("HS256")["value"]
        for algorithm in ("HS256", "HS512", "ES256", "none"):
            value = {"algorithm": algorithm, "value": secret}
            settings.REFRESH_SESSIONS = {"KEYS": [value, value], "REFRESH_KEYS": [value]}
            assert ids()
            assert secret not in "".join(map(str, found()))
