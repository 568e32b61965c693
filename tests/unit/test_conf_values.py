"""Messages about settings that are unknown, of the wrong type or impossible."""

import re
from dataclasses import fields
from datetime import timedelta
from ipaddress import ip_network

import pytest

from refresh_sessions.conf import Settings, find_problems, parse_settings
from refresh_sessions.conf.foreign_settings import _KNOX, _SIMPLEJWT, explain_foreign_setting
from tests.factors import Code

KEYS = [field.name for field in fields(Settings)]
DURATIONS = [key for key in KEYS if isinstance(getattr(Settings(), key), timedelta)]


def problem(**raw) -> str:
    """Return the only problem of these settings."""
    (only,) = find_problems(raw)
    return only


class TestUnknownKeys:
    @pytest.mark.parametrize(
        ("key", "meant"),
        [
            ("ACCES_TOKEN_LIFETIME", "ACCESS_TOKEN_LIFETIME"),
            ("REFRESH_LIFETIME", "REFRESH_TOKEN_LIFETIME"),
            ("COOKIE_SAME_SITE", "COOKIE_SAMESITE"),
            ("access_token_lifetime", "ACCESS_TOKEN_LIFETIME"),
            ("Issuer", "ISSUER"),
            ("trusted_proxy", "TRUSTED_PROXIES"),
        ],
    )
    def test_unknown_key_like_a_setting_suggests_the_setting(self, key, meant):
        expected = f"REFRESH_SESSIONS has no setting {key!r}. Did you mean {meant!r}?"
        assert problem(**{key: 1}) == expected

    @pytest.mark.parametrize(
        "key",
        ["XYZ", 42, None, ""],
    )
    def test_unknown_key_unlike_any_setting_is_refused(self, key):
        assert list(find_problems({key: 1})) == [f"REFRESH_SESSIONS has no setting {key!r}."]

    @pytest.mark.parametrize(
        ("key", "package", "instead"),
        [
            ("SIGNING_KEY", "simplejwt", "KEYS"),
            ("signing_key", "simplejwt", "KEYS"),
            ("ROTATE_REFRESH_TOKENS", "simplejwt", "is rotated"),
            ("BLACKLIST_AFTER_ROTATION", "simplejwt", "reuse"),
            ("AUTH_HEADER_TYPES", "simplejwt", "Bearer"),
            ("UPDATE_LAST_LOGIN", "simplejwt", "last_login"),
            ("SLIDING_TOKEN_LIFETIME", "simplejwt", "SESSION_LIFETIME"),
            ("USER_ID_CLAIM", "simplejwt", "'sub'"),
            ("ON_LOGIN_SUCCESS", "simplejwt", "user_logged_in"),
            ("TOKEN_TTL", "django-rest-knox", "SESSION_LIFETIME"),
            ("AUTH_HEADER_PREFIX", "django-rest-knox", "Bearer"),
        ],
    )
    def test_key_of_another_package_is_refused_with_replacement(self, key, package, instead):
        start = f"REFRESH_SESSIONS has no setting {key!r}. It is a setting of {package}. "
        message = problem(**{key: 1})
        assert message.startswith(start)
        assert instead in message.removeprefix(start)

    @pytest.mark.parametrize("package", ["rest_framework_simplejwt", "knox"])
    def test_keys_of_another_package_are_all_recognized(self, package):
        theirs = pytest.importorskip(f"{package}.settings").DEFAULTS
        assert len(theirs) > 10
        for key in theirs.keys() - set(KEYS):
            assert "It is a setting of" in problem(**{key: 1}), key

    @pytest.mark.parametrize("key", [*_SIMPLEJWT, *_KNOX])
    def test_replacement_of_foreign_key_is_an_existing_setting(self, key):
        words = re.findall(
            r"\b[A-Z]+(?:_[A-Z]+)+\b", explain_foreign_setting(key).removeprefix(key)
        )
        assert set(words) - {"SECRET_KEY"} <= set(KEYS)

    def test_method_name_as_key_is_refused(self):
        assert problem(field_name=1).startswith("REFRESH_SESSIONS has no setting 'field_name'.")


class TestWrongTypes:
    @pytest.mark.parametrize("key", KEYS)
    def test_wrong_type_is_refused_with_key_name(self, key):
        message = problem(**{key: object()})
        assert message.startswith(f"REFRESH_SESSIONS[{key!r}] must be ")
        assert message.endswith(">.")

    @pytest.mark.parametrize("key", DURATIONS)
    @pytest.mark.parametrize(
        "value", [900, 900.0, "900", "15m", "15 min", "0.25h", "00:15:00", "PT15M", "10m 300s"]
    )
    def test_duration_of_wrong_type_is_refused_with_equal_timedelta(self, key, value):
        kind = "a timedelta or None" if key == "CONFIRM_DELIVERY_AFTER" else "a timedelta"
        expected = f"must be {kind} such as timedelta(seconds=900), not {value!r}."
        assert problem(**{key: value}) == f"REFRESH_SESSIONS[{key!r}] {expected}"

    @pytest.mark.parametrize(
        ("value", "seconds"), [(0.5, "0.5"), ("30d", "2592000"), ("2 weeks", "1209600")]
    )
    def test_duration_suggestion_is_in_seconds(self, value, seconds):
        assert f"such as timedelta(seconds={seconds}), not" in problem(SESSION_LIFETIME=value)

    @pytest.mark.parametrize(
        "value",
        [None, True, -1, 0, "-5m", "", "soon", "3 moons", 1e300, float("nan"), "9" * 20 + "d"],
    )
    def test_duration_without_numeric_value_is_refused_with_default(self, value):
        expected = f"must be a timedelta such as timedelta(seconds=900), not {value!r}."
        assert problem(ACCESS_TOKEN_LIFETIME=value).endswith(expected)

    @pytest.mark.parametrize(
        ("key", "value", "expected"),
        [
            ("MAX_SESSIONS_PER_USER", "10", "of type int or None"),
            ("MAX_SESSIONS_PER_USER", 2.5, "of type int or None"),
            # In Python, True equals 1.
            ("MAX_SESSIONS_PER_USER", True, "of type int or None"),
            ("MAX_REFRESHES_PER_SESSION", False, "of type int or None"),
            ("LOST_RESPONSE_RECOVERY", 1, "of type bool"),
            ("COOKIE_SECURE", "yes", "of type bool"),
            ("COOKIE_SECURE", None, "of type bool"),
            ("ISSUER", b"shop", "of type str"),
            ("ISSUER", None, "of type str"),
            ("AUDIENCE", ["api"], "of type str"),
            ("COOKIE_DOMAIN", 1, "of type str or None"),
            ("POLICY", Settings, "of type str"),
            ("ON_SESSION_LIMIT", "revoke_newest", "'revoke_oldest' or 'deny'"),
            ("ACCESS_TOKEN_CHECK", "none", "'session' or 'cache' or 'stateless'"),
            ("ACCESS_TOKEN_CHECK", [], "'session' or 'cache' or 'stateless'"),
            ("TRANSPORT", "header", "'body' or 'cookie'"),
            ("COOKIE_SAMESITE", None, "'Strict' or 'Lax' or 'None'"),
            ("COOKIE_SAMESITE", "strict", "'Strict' or 'Lax' or 'None'"),
            ("TRUSTED_PROXIES", "10.0.0.0/8", "a list of strings such as ['10.0.0.0/8']"),
            (
                *("TRUSTED_PROXIES", [ip_network("10.0.0.0/8")]),
                "a list of strings such as ['10.0.0.0/8']",
            ),
            ("TRUSTED_PROXIES", {"::1"}, "a list of strings such as ['::1']"),
            ("TRUSTED_PROXIES", (10,), "a list of strings"),
            ("TRUSTED_PROXIES", None, "a list of strings"),
            (
                *("SECOND_FACTORS", Code),
                "a list of strings such as ['tests.factors.Code']",
            ),
            ("SECOND_FACTORS", [None], "a list of strings"),
            ("REAUTHENTICATION_METHODS", "a.b", "a list of strings such as ['a.b']"),
            ("FIELD_NAMES", ("access", "accessToken"), "a dict of strings"),
            ("FIELD_NAMES", {"access": None}, "a dict of strings"),
            ("FIELD_NAMES", {1: "accessToken"}, "a dict of strings"),
            ("CLIENT_ID", None, "of type str"),
        ],
    )
    def test_wrong_type_is_refused_with_expected_type(self, key, value, expected):
        message = f"REFRESH_SESSIONS[{key!r}] must be {expected}, not {value!r}."
        assert problem(**{key: value}) == message

    @pytest.mark.parametrize("raw", [None, [], "ISSUER", ()])
    def test_settings_of_wrong_type_are_refused(self, raw):
        expected = f"REFRESH_SESSIONS must be a dict, not {type(raw).__name__}."
        assert list(find_problems(raw)) == [expected]


class TestImpossibleValues:
    @pytest.mark.parametrize("key", DURATIONS)
    def test_negative_duration_is_refused(self, key):
        message = problem(**{key: timedelta(microseconds=-1)})
        assert message == f"REFRESH_SESSIONS[{key!r}] must not be negative."

    @pytest.mark.parametrize("key", [key for key in DURATIONS if key.endswith("_LIFETIME")])
    def test_zero_lifetime_is_refused(self, key):
        message = problem(**{key: timedelta(0)})
        assert message == f"REFRESH_SESSIONS[{key!r}] must be longer than zero."

    @pytest.mark.parametrize("key", ["ROTATION_OVERLAP", "LEEWAY"])
    def test_zero_duration_without_lifetime_meaning_is_accepted(self, key):
        assert getattr(parse_settings({key: timedelta(0)}), key) == timedelta(0)

    @pytest.mark.parametrize("key", ["MAX_SESSIONS_PER_USER", "MAX_REFRESHES_PER_SESSION"])
    @pytest.mark.parametrize("value", [0, -1])
    def test_limit_below_one_is_refused(self, key, value):
        message = problem(**{key: value})
        assert message == f"REFRESH_SESSIONS[{key!r}] must be at least 1; None means no limit."

    @pytest.mark.parametrize("value", [1, None])
    def test_limit_of_one_or_none_is_accepted(self, value):
        assert list(find_problems({"MAX_SESSIONS_PER_USER": value})) == []

    @pytest.mark.parametrize(
        ("network", "meant"),
        [
            ("10.0.0.1/8", "10.0.0.0/8"),
            ("192.168.1.1/24", "192.168.1.0/24"),
            ("2001:db8::1/32", "2001:db8::/32"),
            (" 10.0.0.0/8", "10.0.0.0/8"),
            ("10.0.0.0/8\n", "10.0.0.0/8"),
            ("10.0.0.1:8000", "10.0.0.1"),
            ("10.0.0.0/8/", "10.0.0.0/8"),
            ("[::1]:8000", "::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("http://10.0.0.1", "10.0.0.1"),
            ("http://10.0.0.1:8000/auth/", "10.0.0.1"),
            ("10.*", "10.0.0.0/8"),
            ("10.0.0.*", "10.0.0.0/24"),
            ("172.16.*.*", "172.16.0.0/16"),
            ("Unix", "unix"),
        ],
    )
    def test_proxy_like_a_network_suggests_the_network(self, network, meant):
        message = problem(TRUSTED_PROXIES=("192.0.2.1", network))
        assert message.startswith(f"REFRESH_SESSIONS['TRUSTED_PROXIES']: {network!r} ")
        assert message.endswith(f"; did you mean {meant}?")

    def test_proxy_network_with_host_bits_is_refused(self):
        assert problem(TRUSTED_PROXIES=["10.0.0.1/8"]) == (
            "REFRESH_SESSIONS['TRUSTED_PROXIES']: '10.0.0.1/8' has host bits set; did you mean "
            "10.0.0.0/8?"
        )

    @pytest.mark.parametrize(
        "name",
        ["localhost", "example.org", "proxy_1", "proxy:8000", "http://proxy.internal/", "lb.eu."],
    )
    def test_proxy_host_name_is_refused(self, name):
        message = problem(TRUSTED_PROXIES=[name])
        assert message.endswith(f"{name!r} is not a network: host names are not looked up.")

    @pytest.mark.parametrize(
        ("network", "mention"),
        [
            ("10.0.0.0/33", "not a network such as 10.0.0.0/8"),
            ("10.0.0", "not a network such as 10.0.0.0/8"),
            ("300.1.1.1", "not a network such as 10.0.0.0/8"),
            ("", "not a network such as 10.0.0.0/8"),
            ("*", "your own proxies only"),
            ("10.0.0.0/8,192.168.0.0/16", "each an item of the list"),
            ("10.0.0.0/8 192.168.0.0/16", "each an item of the list"),
        ],
    )
    def test_proxy_without_network_form_is_refused(self, network, mention):
        message = problem(TRUSTED_PROXIES=("192.0.2.1", network))
        assert message.startswith(f"REFRESH_SESSIONS['TRUSTED_PROXIES']: {network!r} is ")
        assert mention in message
        assert message.endswith(".")

    def test_proxy_address_is_accepted(self):
        proxies = ("192.0.2.1", "10.0.0.0/8", "2001:db8::/32", "unix")
        assert list(find_problems({"TRUSTED_PROXIES": proxies})) == []

    def test_unknown_field_name_is_refused(self):
        message = problem(FIELD_NAMES={"detail": "error"})
        assert "cannot rename 'detail'" in message
        assert "access, refresh, access_expires_at" in message

    @pytest.mark.parametrize(
        "names", [{"access": "token", "refresh": "token"}, {"access": "refresh"}]
    )
    def test_duplicate_field_name_is_refused(self, names):
        message = problem(FIELD_NAMES=names)
        assert message == "REFRESH_SESSIONS['FIELD_NAMES'] gives two fields the same name."

    def test_swapped_field_names_are_accepted(self):
        names = {"access": "refresh", "refresh": "access"}
        settings = parse_settings({"FIELD_NAMES": names})
        assert settings.field_name("access") == "refresh"
        assert settings.field_name("session") == "session"


class TestSequences:
    """Settings that list strings, as lists or tuples."""

    KEYS = (
        *("TRUSTED_PROXIES", "SECOND_FACTORS", "REAUTHENTICATION_METHODS"),
        "BOUND_COOKIE_PATHS",
    )

    def test_sequence_settings_are_all_covered(self):
        stored = {field.name for field in fields(Settings) if "tuple" in str(field.type)}
        assert stored == set(self.KEYS)

    @pytest.mark.parametrize("key", KEYS)
    @pytest.mark.parametrize("kind", [list, tuple])
    def test_sequence_setting_is_stored_as_tuple(self, key, kind):
        written = kind(["10.0.0.0/8", "::1"])
        stored = getattr(parse_settings({key: written}), key)
        assert stored == ("10.0.0.0/8", "::1")
        assert hash(stored)
        assert getattr(parse_settings({key: kind()}), key) == ()
