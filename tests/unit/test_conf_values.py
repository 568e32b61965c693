"""What is said of settings that are unknown, of the wrong type, or impossible."""

from dataclasses import fields
from datetime import timedelta

import pytest

from refresh_sessions.conf import Settings, parse_settings, problems

KEYS = [field.name for field in fields(Settings)]
DURATIONS = [key for key in KEYS if isinstance(getattr(Settings(), key), timedelta)]


def problem(**raw) -> str:
    """The one thing that is wrong with these settings."""
    (only,) = problems(raw)
    return only


class TestUnknownKeys:
    @pytest.mark.parametrize(
        ("key", "meant"),
        [
            ("ACCES_TOKEN_LIFETIME", "ACCESS_TOKEN_LIFETIME"),
            ("REFRESH_LIFETIME", "REFRESH_TOKEN_LIFETIME"),
            ("COOKIE_SAME_SITE", "COOKIE_SAMESITE"),
        ],
    )
    def test_that_resemble_one_bring_it_to_mind(self, key, meant):
        expected = f"REFRESH_SESSIONS has no setting {key!r}. Did you mean {meant!r}?"
        assert problem(**{key: 1}) == expected

    @pytest.mark.parametrize(
        "key",
        # The last two are settings of another package, of which ours are no spelling.
        ["XYZ", 42, None, "", "ROTATE_REFRESH_TOKENS", "SLIDING_TOKEN_LIFETIME"],
    )
    def test_that_resemble_none_are_just_refused(self, key):
        assert list(problems({key: 1})) == [f"REFRESH_SESSIONS has no setting {key!r}."]

    def test_methods_are_no_settings(self):
        assert problem(field_name=1).startswith("REFRESH_SESSIONS has no setting 'field_name'.")


class TestWrongTypes:
    @pytest.mark.parametrize("key", KEYS)
    def test_of_every_key_are_refused_by_its_name(self, key):
        message = problem(**{key: object()})
        assert message.startswith(f"REFRESH_SESSIONS[{key!r}] must be ")
        assert message.endswith(">.")

    @pytest.mark.parametrize("key", DURATIONS)
    @pytest.mark.parametrize("value", [900, 900.0, "900", None, True])
    def test_durations_are_timedeltas_and_nothing_else(self, key, value):
        expected = f"REFRESH_SESSIONS[{key!r}] must be of type timedelta, not {value!r}."
        assert problem(**{key: value}) == expected

    @pytest.mark.parametrize(
        ("key", "value", "expected"),
        [
            ("MAX_SESSIONS_PER_USER", "10", "of type int or None"),
            ("MAX_SESSIONS_PER_USER", 2.5, "of type int or None"),
            # In Python True is 1.
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
            ("TRUSTED_PROXIES", ["10.0.0.0/8"], "a tuple of strings"),
            ("TRUSTED_PROXIES", "10.0.0.0/8", "a tuple of strings"),
            ("TRUSTED_PROXIES", (10,), "a tuple of strings"),
            ("FIELD_NAMES", ("access", "accessToken"), "a dict of strings"),
            ("FIELD_NAMES", {"access": None}, "a dict of strings"),
            ("FIELD_NAMES", {1: "accessToken"}, "a dict of strings"),
            ("CLIENT_ID", None, "of type str"),
        ],
    )
    def test_are_refused_with_what_is_expected(self, key, value, expected):
        message = f"REFRESH_SESSIONS[{key!r}] must be {expected}, not {value!r}."
        assert problem(**{key: value}) == message

    @pytest.mark.parametrize("raw", [None, [], "ISSUER", ()])
    def test_of_the_whole_are_refused(self, raw):
        expected = f"REFRESH_SESSIONS must be a dict, not {type(raw).__name__}."
        assert list(problems(raw)) == [expected]


class TestImpossibleValues:
    @pytest.mark.parametrize("key", DURATIONS)
    def test_no_duration_is_negative(self, key):
        message = problem(**{key: timedelta(microseconds=-1)})
        assert message == f"REFRESH_SESSIONS[{key!r}] must not be negative."

    @pytest.mark.parametrize("key", [key for key in DURATIONS if key.endswith("_LIFETIME")])
    def test_no_lifetime_is_zero(self, key):
        message = problem(**{key: timedelta(0)})
        assert message == f"REFRESH_SESSIONS[{key!r}] must be longer than zero."

    @pytest.mark.parametrize("key", ["ROTATION_OVERLAP", "LEEWAY"])
    def test_other_durations_may_be_zero(self, key):
        assert getattr(parse_settings({key: timedelta(0)}), key) == timedelta(0)

    @pytest.mark.parametrize("key", ["MAX_SESSIONS_PER_USER", "MAX_REFRESHES_PER_SESSION"])
    @pytest.mark.parametrize("value", [0, -1])
    def test_no_limit_is_below_one(self, key, value):
        message = problem(**{key: value})
        assert message == f"REFRESH_SESSIONS[{key!r}] must be at least 1; None means no limit."

    @pytest.mark.parametrize("value", [1, None])
    def test_limits_from_one_on_and_none_are_fine(self, value):
        assert list(problems({"MAX_SESSIONS_PER_USER": value})) == []

    @pytest.mark.parametrize("network", ["10.0.0.1/8", "10.0.0.0/33", "example.org", "", "Unix"])
    def test_proxies_are_networks(self, network):
        message = problem(TRUSTED_PROXIES=("192.0.2.1", network))
        assert message.startswith("REFRESH_SESSIONS['TRUSTED_PROXIES']: ")
        assert repr(network) in message or network in message

    def test_proxies_may_be_single_addresses(self):
        proxies = ("192.0.2.1", "10.0.0.0/8", "2001:db8::/32", "unix")
        assert list(problems({"TRUSTED_PROXIES": proxies})) == []

    def test_only_known_fields_are_renamed(self):
        message = problem(FIELD_NAMES={"detail": "error"})
        assert "cannot rename 'detail'" in message
        assert "access, refresh, access_expires_at" in message

    @pytest.mark.parametrize(
        "names", [{"access": "token", "refresh": "token"}, {"access": "refresh"}]
    )
    def test_no_two_fields_get_one_name(self, names):
        message = problem(FIELD_NAMES=names)
        assert message == "REFRESH_SESSIONS['FIELD_NAMES'] gives two fields the same name."

    def test_fields_may_change_places(self):
        names = {"access": "refresh", "refresh": "access"}
        settings = parse_settings({"FIELD_NAMES": names})
        assert settings.field_name("access") == "refresh"
        assert settings.field_name("session") == "session"
