"""The settings object: defaults, problems and caching."""

from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from refresh_sessions.conf import Settings, find_problems, get_settings, parse_settings
from refresh_sessions.exceptions import SettingsError

DEFAULTS: dict[str, Any] = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "SESSION_LIFETIME": timedelta(days=7),
    "MAX_REFRESHES_PER_SESSION": None,
    "MAX_SESSIONS_PER_USER": 200,
    "ON_SESSION_LIMIT": "revoke_oldest",
    "ROTATION_OVERLAP": timedelta(seconds=10),
    "LOST_RESPONSE_RECOVERY": True,
    "CONFIRM_DELIVERY_AFTER": timedelta(minutes=1),
    "COMPANION_COOKIE": "siblings",
    "DPOP": "accept",
    "DPOP_ACCESS_TOKENS": False,
    "DPOP_NONCE": False,
    "PUBLIC_ORIGIN": "",
    "DEVICE_BOUND_SESSIONS": False,
    "BOUND_COOKIE_LIFETIME": timedelta(minutes=10),
    "BOUND_COOKIE_PATHS": (),
    "SESSION_EXPIRED_STATUS": 403,
    "ACCESS_TOKEN_CHECK": "session",
    "CACHE_ALIAS": "default",
    "CACHE_TIMEOUT": timedelta(minutes=1),
    "REAUTHENTICATION_MAX_AGE": timedelta(minutes=5),
    "REAUTHENTICATION_METHODS": ("refresh_sessions.identity.PasswordMethod",),
    "SECOND_FACTORS": (),
    "SIGN_IN_TICKET_LIFETIME": timedelta(minutes=5),
    "REAUTHENTICATE_TO_REVOKE": True,
    "MAX_FAMILIES_PER_SESSION": 5,
    "ISSUER": "refresh_sessions",
    "TENANT": "refresh_sessions.tenants.schema_of_connection",
    "ENVIRONMENT": "",
    "AUDIENCE": "refresh_sessions.access",
    "CLIENT_ID": "refresh_sessions.client",
    "KEYS": (),
    "REFRESH_KEYS": (),
    "INTROSPECTION_CLIENTS": {},
    "LEEWAY": timedelta(seconds=5),
    "USER_ID_FIELD": "pk",
    "TRANSPORT": "body",
    "COOKIE_NAME": "__Host-refresh_token",
    "COOKIE_PATH": "/",
    "COOKIE_DOMAIN": None,
    "COOKIE_SAMESITE": "Strict",
    "COOKIE_SECURE": True,
    "FIELD_NAMES": {},
    "TRUSTED_PROXIES": (),
    "POLICY": "refresh_sessions.policies.SessionPolicy",
    "MAIL_ON_REUSE": False,
    "MAIL_ON_MISUSE": False,
    "MAIL_ON_NEW_DEVICE": False,
    "LOGIN_SERIALIZER": "refresh_sessions.rest_framework.serializers.LoginSerializer",
    "SESSION_SERIALIZER": "refresh_sessions.rest_framework.serializers.SessionSerializer",
}


class TestDefaults:
    @pytest.mark.parametrize(("key", "default"), DEFAULTS.items(), ids=DEFAULTS)
    def test_setting_default_is_the_documented_one(self, settings, key, default):
        if hasattr(settings, "REFRESH_SESSIONS"):
            del settings.REFRESH_SESSIONS
        assert getattr(get_settings(), key) == default

    def test_documented_defaults_cover_each_setting(self):
        assert set(DEFAULTS) == {field.name for field in fields(Settings)}

    def test_setting_not_given_has_default(self):
        given = parse_settings({"ISSUER": "shop"})
        others = [key for key in DEFAULTS if key != "ISSUER"]
        assert given.ISSUER == "shop"
        assert all(getattr(given, key) == getattr(Settings(), key) for key in others)

    def test_defaults_have_no_problems(self):
        assert list(find_problems({key: getattr(Settings(), key) for key in DEFAULTS})) == []


class TestProblems:
    def test_problems_of_settings_are_all_found(self):
        raw = {"ISSUR": "shop", "LEEWAY": 5, "TRUSTED_PROXIES": ("x", "y")}
        told = list(find_problems(raw))
        assert len(told) == 4
        for part in ("'ISSUR'", "'LEEWAY'", "'x'", "'y'"):
            assert sum(part in message for message in told) == 1

    def test_first_problem_is_raised_on_use_of_settings(self, settings):
        settings.REFRESH_SESSIONS = {"LEEWAY": 5, "ISSUR": "shop"}
        with pytest.raises(SettingsError, match="'LEEWAY'") as raised:
            get_settings()
        assert isinstance(raised.value, ImproperlyConfigured)

    def test_problem_of_settings_is_raised_until_fixed(self, settings):
        settings.REFRESH_SESSIONS = {"LEEWAY": 5}
        for _ in range(2):
            with pytest.raises(SettingsError):
                get_settings()
        settings.REFRESH_SESSIONS = {"LEEWAY": timedelta(seconds=5)}
        assert timedelta(seconds=5) == get_settings().LEEWAY


class TestReading:
    def test_settings_follow_override_settings(self):
        before = get_settings()
        with override_settings(REFRESH_SESSIONS={"ISSUER": "outer"}):
            assert get_settings().ISSUER == "outer"
            with override_settings(REFRESH_SESSIONS={"AUDIENCE": "inner"}):
                # The whole dict is replaced, as with each Django setting.
                assert (get_settings().ISSUER, get_settings().AUDIENCE) == (before.ISSUER, "inner")
            assert (get_settings().ISSUER, get_settings().AUDIENCE) == ("outer", before.AUDIENCE)
        assert get_settings() == before

    def test_settings_follow_assignment(self, settings):
        settings.REFRESH_SESSIONS = {"ISSUER": "first"}
        assert get_settings().ISSUER == "first"
        settings.REFRESH_SESSIONS = {"ISSUER": "second"}
        assert get_settings().ISSUER == "second"

    def test_deleted_setting_gives_defaults(self, settings):
        # A deletion sends no signal setting_changed.
        settings.REFRESH_SESSIONS = {"ISSUER": "shop"}
        assert get_settings().ISSUER == "shop"
        del settings.REFRESH_SESSIONS
        assert get_settings() == Settings()

    def test_settings_dict_is_parsed_once(self, settings):
        settings.REFRESH_SESSIONS = {"ISSUER": "shop"}
        assert get_settings() is get_settings()

    def test_settings_object_is_immutable(self):
        settings = get_settings()
        with pytest.raises(FrozenInstanceError):
            settings.ISSUER = "mine"
        with pytest.raises((FrozenInstanceError, TypeError)):
            settings.ISUER = "mine"
