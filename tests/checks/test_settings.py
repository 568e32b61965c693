"""Checks of settings whose test needs more than one case."""

from datetime import timedelta

import pytest

from refresh_sessions.checks import deployment
from tests.checks.finding import LOCAL, NOTHING, STRONG, found, ids, scopes, seconds
from tests.factories import make_pair
from tests.unit.forge import parts


class TestMalformedSettings:
    def test_malformed_settings_are_all_reported_together(self, settings):
        settings.REFRESH_SESSIONS = {"ISSUR": "x", "LEEWAY": 5, "SESSION_LIFETIME": timedelta(0)}
        assert ids() == ["E001"] * 3
        told = " ".join(message.msg for message in found())
        assert all(key in told for key in ("'ISSUR'", "'LEEWAY'", "'SESSION_LIFETIME'"))

    def test_malformed_settings_suppress_other_checks(self, settings):
        settings.USE_TZ = False
        settings.SECRET_KEY = "short"
        settings.REFRESH_SESSIONS = {"POLICY": None}
        assert ids() == ["E001"]

    def test_settings_of_wrong_type_are_reported(self, settings):
        settings.REFRESH_SESSIONS = ["ISSUER"]
        assert ids() == ["E001"]

    def test_missing_settings_are_not_reported(self, settings):
        del settings.REFRESH_SESSIONS
        assert ids() == []


class TestRepeatedFaults:
    def test_each_too_short_lifetime_is_reported(self, settings):
        short = seconds(0.5)
        settings.REFRESH_SESSIONS = {
            "ACCESS_TOKEN_LIFETIME": short,
            "REFRESH_TOKEN_LIFETIME": short,
            "SESSION_LIFETIME": short,
            "ROTATION_OVERLAP": seconds(0),
        }
        assert ids() == ["E003", "E003", "E003", "W003"]

    def test_each_weak_secret_key_is_reported(self, settings):
        settings.SECRET_KEY = "short"
        settings.SECRET_KEY_FALLBACKS = ["older", STRONG, "oldest"]
        told = [message.msg.split(" ")[0] for message in found()]
        assert told == ["SECRET_KEY", "SECRET_KEY_FALLBACKS[0]", "SECRET_KEY_FALLBACKS[2]"]


class TestStrictMode:
    def test_strict_mode_is_named_in_hint(self, settings):
        settings.REFRESH_SESSIONS = {
            "ROTATION_OVERLAP": timedelta(0),
            "LOST_RESPONSE_RECOVERY": False,
        }
        (message,) = found()
        assert "strict mode" in str(message.hint)
        assert "silence this check" in str(message.hint)

    def test_strict_mode_is_not_named_with_recovery_enabled(self, settings):
        settings.REFRESH_SESSIONS = {"ROTATION_OVERLAP": timedelta(0)}
        (message,) = found()
        assert message.hint
        assert "strict mode" not in message.hint


class TestThrottles:
    def test_each_disabled_throttle_is_reported(self, settings):
        rates = dict.fromkeys(scopes())
        settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": rates}
        assert ids() == ["W008"] * len(scopes())
        for scope, message in zip(sorted(scopes()), found(), strict=True):
            assert f"'{scope}'" in message.msg

    @pytest.mark.parametrize("cache", [LOCAL, NOTHING], ids=["local", "nothing"])
    def test_cache_is_not_reported_with_all_throttles_disabled(self, settings, cache):
        settings.CACHES = {"default": cache}
        settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": dict.fromkeys(scopes())}
        assert set(ids()) == {"W008"}

    def test_throttle_check_covers_login_with_refresh(self):
        assert {"session-login", "session-refresh"} <= set(scopes())


class TestGeoIP:
    def test_geoip_path_with_geoip2_installed_is_not_reported(self, settings, monkeypatch):
        settings.GEOIP_PATH = "/var/lib/geoip"
        monkeypatch.setattr(deployment, "find_spec", lambda name: name == "geoip2" or None)
        assert ids() == []


class TestAudience:
    @pytest.mark.django_db
    def test_audience_of_refresh_tokens_is_reported(self, settings):
        settings.REFRESH_SESSIONS = {"ISSUER": "shop"}
        _, claims = parts(str(make_pair().refresh))
        settings.REFRESH_SESSIONS = {"ISSUER": "shop", "AUDIENCE": claims["aud"]}
        assert ids() == ["E009"]
