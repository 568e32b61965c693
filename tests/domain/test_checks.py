"""System checks: each speaks up when it should, and only then. None has a database here."""

import re
from collections import Counter
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning, run_checks  # noqa: A004
from django.core.management import CommandError, call_command
from django.db import models
from django.test.utils import isolate_apps

import refresh_sessions
from refresh_sessions import presets
from refresh_sessions.checks import check_deployment, check_settings, deployment, mistakes
from refresh_sessions.policies import SessionPolicy
from tests.factories import make_pair
from tests.factors import Code
from tests.keys import entry, public_pem
from tests.unit.forge import parts

PACKAGE = Path(refresh_sessions.__file__).parent
PAGE = PACKAGE.parent / "docs" / "checks.md"

STRONG = "0123456789abcdefghijklmnopqrstuvwxyz-0123456789abcd"
SHARED = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://none"}
LOCAL = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
NOTHING = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}


def rates(login):
    return {"DEFAULT_THROTTLE_RATES": {"session-login": login}}


THROTTLES_OFF = rates(None)

a_policy = SessionPolicy()


class NoPolicy:
    """Knows nothing of sessions."""


class Thumb(Code):
    """A second factor of which something is missing."""

    def find_problems(self):
        yield "there is no reader.", "Buy one."


def seconds(number) -> timedelta:
    return timedelta(seconds=number)


@pytest.fixture(autouse=True)
def _sound(settings, monkeypatch):
    """A project against which nothing can be said, without optional libraries."""
    monkeypatch.setattr(deployment, "find_spec", lambda name: None)
    settings.SECRET_KEY = STRONG
    settings.SECRET_KEY_FALLBACKS = []
    settings.CACHES = {"default": SHARED, "local": LOCAL}
    settings.REST_FRAMEWORK = {}
    settings.REFRESH_SESSIONS = {}


def found(**options) -> list[CheckMessage]:
    return [*check_settings(None), *check_deployment(None)]


def ids() -> list[str]:
    return [str(message.id).removeprefix("refresh_sessions.") for message in found()]


class Case:
    """Settings under which one check speaks up, and what it has to mention."""

    def __init__(self, id, *mentions, django=None, **options):  # noqa: A002
        self.id, self.mentions, self.django, self.options = id, mentions, django or {}, options

    def apply(self, settings):
        settings.REFRESH_SESSIONS = self.options
        for name, value in self.django.items():
            setattr(settings, name, value)

    def __repr__(self):
        return "-".join(map(str, [self.id, *self.options, *self.django]))


def cookie(**options):
    return {"TRANSPORT": "cookie", **options}


CASES = [
    Case("E001", "no setting 'ISSUR'", "Did you mean 'ISSUER'", ISSUR="shop"),
    Case("E001", "'LEEWAY'", "of type timedelta, not 5", LEEWAY=5),
    Case("E002", "USE_TZ", django={"USE_TZ": False}),
    Case("E005", "'POLICY'", "accounts.nowhere", POLICY="accounts.nowhere.Policy"),
    Case("E005", "'POLICY'", "NoSuchPolicy", POLICY="tests.domain.test_checks.NoSuchPolicy"),
    Case("E005", "'LOGIN_SERIALIZER'", "Login", LOGIN_SERIALIZER="Login"),
    Case("E005", "'SESSION_SERIALIZER'", SESSION_SERIALIZER=""),
    Case("E005", "'REAUTHENTICATION_METHODS'", "Gone", REAUTHENTICATION_METHODS=("a.Gone",)),
    Case("E005", "'SECOND_FACTORS'", "Gone", SECOND_FACTORS=("a.Gone",)),
    Case("E006", "'SECOND_FACTORS'", SECOND_FACTORS=("tests.domain.test_checks.NoPolicy",)),
    Case("E019", "Password", SECOND_FACTORS=("refresh_sessions.identity.PasswordMethod",)),
    Case("E020", "'SECOND_FACTORS'", "no reader", SECOND_FACTORS=(f"{__name__}.Thumb",)),
    Case(
        *("E020", "'REAUTHENTICATION_METHODS'", "no reader"),
        REAUTHENTICATION_METHODS=(f"{__name__}.Thumb",),
    ),
    Case("E021", "'session-login'", "fortnight", django={"REST_FRAMEWORK": rates("5/fortnight")}),
    Case("E021", "'session-login'", "'5'", django={"REST_FRAMEWORK": rates("5")}),
    Case("E021", "'session-login'", "five", django={"REST_FRAMEWORK": rates("five/min")}),
    Case("E021", "'session-login'", "5/", django={"REST_FRAMEWORK": rates("5/")}),
    Case("E021", "'session-login'", django={"REST_FRAMEWORK": rates(5)}),
    Case("E006", "'POLICY'", "SessionPolicy", POLICY="tests.domain.test_checks.NoPolicy"),
    Case(
        *("E006", "'REAUTHENTICATION_METHODS'", "AuthenticationMethod"),
        REAUTHENTICATION_METHODS=("tests.domain.test_checks.NoPolicy",),
    ),
    Case("E006", "'POLICY'", "SessionPolicy", POLICY="tests.domain.test_checks.a_policy"),
    Case("E006", "'POLICY'", "get_policy", POLICY="refresh_sessions.policies.get_policy"),
    Case("E006", "'LOGIN_SERIALIZER'", LOGIN_SERIALIZER="tests.domain.test_checks.NoPolicy"),
    Case("E006", "'SESSION_SERIALIZER'", SESSION_SERIALIZER="tests.domain.test_checks.NoPolicy"),
    Case("E007", "'uuid'", USER_ID_FIELD="uuid"),
    Case("E007", "'groups'", USER_ID_FIELD="groups"),
    Case("E007", "'device_sessions'", USER_ID_FIELD="device_sessions"),
    Case("E007", "'get_username'", USER_ID_FIELD="get_username"),
    Case("E008", "'password'", USER_ID_FIELD="password"),
    Case("E009", "'AUDIENCE'", AUDIENCE="refresh_sessions#refresh"),
    Case("E009", "'AUDIENCE'", ISSUER="shop", AUDIENCE="shop#refresh"),
    Case("E010", "'sessions'", ACCESS_TOKEN_CHECK="cache", CACHE_ALIAS="sessions"),
    Case("E011", "'refresh token'", **cookie(COOKIE_NAME="refresh token")),
    Case("E011", "''", **cookie(COOKIE_NAME="")),
    Case("E012", "'COOKIE_PATH' must be '/'", **cookie(COOKIE_PATH="/auth/")),
    Case("E012", "'COOKIE_DOMAIN' must be None", **cookie(COOKIE_DOMAIN="example.org")),
    Case(
        "E012",
        "'COOKIE_PATH'",
        "'COOKIE_DOMAIN'",
        "'__hOST-rt'",
        **cookie(COOKIE_NAME="__hOST-rt", COOKIE_PATH="", COOKIE_DOMAIN="example.org"),
    ),
    Case("E001", "'KEYS'", "a list of keys", KEYS="SECRET_KEY"),
    Case("E001", "'INTROSPECTION_CLIENTS']['b']", INTROSPECTION_CLIENTS={"b": "secret"}),
    Case("E001", "has a client 'a b'", INTROSPECTION_CLIENTS={"a b": "0" * 64}),
    Case("E001", "'CLIENT_ID'", CLIENT_ID=""),
    Case("E014", "['KEYS'][0]", "'/nowhere'", KEYS=[{"algorithm": "HS256", "file": "/nowhere"}]),
    Case("E014", "['REFRESH_KEYS'][1]", REFRESH_KEYS=["SECRET_KEY", "key.pem"]),
    Case("E015", "['KEYS'][0]", "32 or more", KEYS=[{"algorithm": "HS256", "value": "c2hvcnQ"}]),
    Case("E015", "['REFRESH_KEYS'][0]", REFRESH_KEYS=[{"algorithm": "EdDSA", "value": "x"}]),
    Case("E017", "the setting itself", KEYS=[entry("HS256"), entry("HS256")]),
    Case("E017", "REFRESH_KEYS", KEYS=[entry("HS256")], REFRESH_KEYS=[entry("HS256")]),
    Case("W001", "SECRET_KEY can", django={"SECRET_KEY": "django-insecure-" + STRONG}),
    Case("W001", "SECRET_KEY can", django={"SECRET_KEY": STRONG[:49]}),
    Case("W001", "SECRET_KEY can", django={"SECRET_KEY": "abcd" * 20}),
    Case("W001", "SECRET_KEY can", django={"SECRET_KEY": b"\xff" * 80}),
    Case("W001", "SECRET_KEY can", django={"SECRET_KEY": ""}),
    Case("W001", "FALLBACKS[1]", django={"SECRET_KEY_FALLBACKS": [STRONG, "old"]}),
    Case("W002", "'ROTATION_OVERLAP'", ROTATION_OVERLAP=seconds(901)),
    Case("W003", "'ROTATION_OVERLAP'", ROTATION_OVERLAP=seconds(1.9)),
    Case("W003", "'ROTATION_OVERLAP'", ROTATION_OVERLAP=seconds(0)),
    Case("W003", "'ROTATION_OVERLAP'", **presets.STRICT, **presets.AAL3),
    Case("W004", "'SESSION_LIFETIME'", REFRESH_TOKEN_LIFETIME=timedelta(days=8)),
    Case("W005", "'REFRESH_TOKEN_LIFETIME'", REFRESH_TOKEN_LIFETIME=seconds(899)),
    Case("W006", "an hour", ACCESS_TOKEN_LIFETIME=seconds(3601)),
    Case("W007", "'LEEWAY'", LEEWAY=seconds(61)),
    Case("W008", "'session-login'", django={"REST_FRAMEWORK": THROTTLES_OFF}),
    Case("W009", "'default'", django={"CACHES": {"default": LOCAL}}),
    Case("W010", "'default'", django={"CACHES": {"default": NOTHING}}),
    Case("W011", "'COOKIE_SECURE'", **cookie(COOKIE_NAME="rt", COOKIE_SECURE=False)),
    Case("W012", "'COOKIE_SAMESITE'", **cookie(COOKIE_SAMESITE="None")),
    Case("W013", "'local'", ACCESS_TOKEN_CHECK="cache", CACHE_ALIAS="local"),
    Case("W014", "'stateless'", ACCESS_TOKEN_CHECK="stateless"),
    Case("W015", "'0.0.0.0/0'", TRUSTED_PROXIES=("10.0.0.0/8", "0.0.0.0/0")),
    Case("W015", "'::/0'", TRUSTED_PROXIES=("::/0",)),
    Case("W016", "'USER_ID_FIELD'", USER_ID_FIELD=get_user_model().USERNAME_FIELD),
    Case("W017", "DEFAULT_FROM_EMAIL", MAIL_ON_REUSE=True),
    Case("W017", "DEFAULT_FROM_EMAIL", MAIL_ON_NEW_DEVICE=True),
    Case("W018", "GEOIP_PATH", django={"GEOIP_PATH": "/var/lib/geoip"}),
]

# These cannot be had without a second one.
PAIRS = [
    (
        Case("E003", "'ACCESS_TOKEN_LIFETIME'", ACCESS_TOKEN_LIFETIME=seconds(0.9)),
        ["E003", "W002"],
    ),
    (
        Case("E003", "'SESSION_LIFETIME'", SESSION_LIFETIME=seconds(0.9)),
        ["E003", "W004"],
    ),
    (
        Case("E004", "'ROTATION_OVERLAP'", ROTATION_OVERLAP=timedelta(days=7)),
        ["E004", "W002"],
    ),
    (
        Case("E012", "'COOKIE_SECURE' must be True", **cookie(COOKIE_SECURE=False)),
        ["E012", "W011"],
    ),
    (
        Case("E012", "'__Secure-rt'", **cookie(COOKIE_NAME="__Secure-rt", COOKIE_SECURE=False)),
        ["E012", "W011"],
    ),
    (
        Case("E012", "'__Http-rt'", **cookie(COOKIE_NAME="__Http-rt", COOKIE_SECURE=False)),
        ["E012", "W011"],
    ),
    (
        Case(
            "E013",
            "'COOKIE_SECURE' is False",
            **cookie(COOKIE_NAME="rt", COOKIE_SAMESITE="None", COOKIE_SECURE=False),
        ),
        ["E013", "W011", "W012"],
    ),
]

FINE = [
    Case("nothing"),
    Case("lifetimes", ACCESS_TOKEN_LIFETIME=timedelta(hours=1), LEEWAY=timedelta(minutes=1)),
    Case("shortest", ACCESS_TOKEN_LIFETIME=seconds(10), REFRESH_TOKEN_LIFETIME=seconds(11)),
    Case("overlap", ROTATION_OVERLAP=seconds(2)),
    Case("equal overlap", ROTATION_OVERLAP=timedelta(minutes=15)),
    Case("no idle limit", REFRESH_TOKEN_LIFETIME=timedelta(days=7)),
    Case("recovery", LOST_RESPONSE_RECOVERY=False),
    Case("AAL2", **presets.AAL2),
    Case("AAL3", **presets.AAL3),
    Case("issuer", ISSUER="shop", AUDIENCE="refresh_sessions#refresh"),
    Case("keys", KEYS=[entry("HS512"), entry("HS256")], REFRESH_KEYS=(entry("HS384"),)),
    Case("derived keys", KEYS=["SECRET_KEY"], REFRESH_KEYS=["SECRET_KEY", entry("HS256")]),
    Case("clients", INTROSPECTION_CLIENTS={"billing": "0" * 64}),
    Case("policy", POLICY="tests.domain.test_checks.Stricter"),
    Case("pk by its name", USER_ID_FIELD="id"),
    Case("cookie", **cookie()),
    Case("cookie for a path", **cookie(COOKIE_NAME="__Secure-rt", COOKIE_PATH="/auth/")),
    Case("cookie for a domain", **cookie(COOKIE_NAME="rt", COOKIE_DOMAIN="example.org")),
    # What is not in use does no harm.
    Case("body", COOKIE_SECURE=False, COOKIE_SAMESITE="None", COOKIE_NAME="no name"),
    Case("no cache", CACHE_ALIAS="missing"),
    Case("shared cache", ACCESS_TOKEN_CHECK="cache"),
    Case("mails", django={"DEFAULT_FROM_EMAIL": "shop@example.org"}, MAIL_ON_REUSE=True),
    Case("proxies", TRUSTED_PROXIES=("10.0.0.0/8", "::1", "0.0.0.0/1", "unix")),
    Case(
        "throttles",
        django={"REST_FRAMEWORK": {"DEFAULT_THROTTLE_RATES": {"session-login": "9/min"}}},
    ),
    # Missing altogether, or not installed: Django says so itself.
    Case("no default cache", django={"CACHES": {}}),
    Case("unknown cache", django={"CACHES": {"default": {"BACKEND": "nowhere.Cache"}}}),
]


class Stricter(SessionPolicy):
    """A policy as projects write them."""


class TestEachCheck:
    @pytest.mark.parametrize("case", CASES, ids=repr)
    def test_speaks_up_alone(self, settings, case):
        case.apply(settings)
        assert ids() == [case.id]
        (message,) = found()
        assert all(part in message.msg for part in case.mentions)

    @pytest.mark.parametrize(("case", "expected"), PAIRS, ids=repr)
    def test_may_bring_another_along(self, settings, case, expected):
        case.apply(settings)
        assert ids() == expected
        assert all(part in found()[0].msg for part in case.mentions)

    @pytest.mark.parametrize("case", FINE, ids=repr)
    def test_is_silent_about_what_is_fine(self, settings, case):
        case.apply(settings)
        assert ids() == []

    @pytest.mark.parametrize("case", [*CASES, *(case for case, _ in PAIRS)], ids=repr)
    def test_says_what_to_do_and_how_bad_it_is(self, settings, case):
        case.apply(settings)
        for message in found():
            kind = Error if "refresh_sessions.E" in str(message.id) else Warning
            assert type(message) is kind
            assert str(message.hint).endswith(".")
            assert message.msg.endswith((".", "?"))

    def test_has_a_case_here(self):
        cases = {case.id for case in [*CASES, *(case for case, _ in PAIRS)]}
        cases |= set(TestKeys.IDS)
        assert cases == set(_ids_in_source())


class TestIds:
    def test_are_unique(self):
        counted = Counter(_ids_in_source())
        assert len(counted) > 20
        assert [name for name, times in counted.items() if times > 1] == []

    def test_are_numbered_without_gaps(self):
        for letter in "EW":
            numbers = sorted(int(name[1:]) for name in _ids_in_source() if name[0] == letter)
            assert numbers == list(range(1, len(numbers) + 1))

    def test_are_documented_in_order_and_once(self):
        rows = re.findall(r"^\| `refresh_sessions\.([EW]\d{3})` \|", PAGE.read_text(), re.M)
        assert rows == sorted(_ids_in_source())


class TestMalformedSettings:
    def test_are_all_told_at_once(self, settings):
        settings.REFRESH_SESSIONS = {"ISSUR": "x", "LEEWAY": 5, "SESSION_LIFETIME": timedelta(0)}
        assert ids() == ["E001"] * 3
        told = " ".join(message.msg for message in found())
        assert all(key in told for key in ("'ISSUR'", "'LEEWAY'", "'SESSION_LIFETIME'"))

    def test_keep_the_other_checks_waiting(self, settings):
        settings.USE_TZ = False
        settings.SECRET_KEY = "short"
        settings.REFRESH_SESSIONS = {"POLICY": None}
        assert ids() == ["E001"]

    def test_that_are_no_dict_are_told_too(self, settings):
        settings.REFRESH_SESSIONS = ["ISSUER"]
        assert ids() == ["E001"]

    def test_may_be_missing_altogether(self, settings):
        del settings.REFRESH_SESSIONS
        assert ids() == []


class TestSeveral:
    def test_lifetimes_can_be_too_short(self, settings):
        short = seconds(0.5)
        settings.REFRESH_SESSIONS = {
            "ACCESS_TOKEN_LIFETIME": short,
            "REFRESH_TOKEN_LIFETIME": short,
            "SESSION_LIFETIME": short,
            "ROTATION_OVERLAP": seconds(0),
        }
        assert ids() == ["E003", "E003", "E003", "W003"]

    def test_keys_can_be_weak(self, settings):
        settings.SECRET_KEY = "short"
        settings.SECRET_KEY_FALLBACKS = ["older", STRONG, "oldest"]
        told = [message.msg.split(" ")[0] for message in found()]
        assert told == ["SECRET_KEY", "SECRET_KEY_FALLBACKS[0]", "SECRET_KEY_FALLBACKS[2]"]


class TestStrictMode:
    def test_is_named_where_it_was_chosen(self, settings):
        settings.REFRESH_SESSIONS = {
            "ROTATION_OVERLAP": timedelta(0),
            "LOST_RESPONSE_RECOVERY": False,
        }
        (message,) = found()
        assert "strict mode" in str(message.hint)
        assert "silence this check" in str(message.hint)

    def test_is_not_named_where_responses_may_be_lost(self, settings):
        settings.REFRESH_SESSIONS = {"ROTATION_OVERLAP": timedelta(0)}
        (message,) = found()
        assert message.hint
        assert "strict mode" not in message.hint


class TestThrottles:
    def test_are_each_named_when_off(self, settings):
        rates = dict.fromkeys(_scopes())
        settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": rates}
        assert ids() == ["W008"] * len(_scopes())
        for scope, message in zip(sorted(_scopes()), found(), strict=True):
            assert f"'{scope}'" in message.msg

    @pytest.mark.parametrize("cache", [LOCAL, NOTHING], ids=["local", "nothing"])
    def test_need_no_cache_when_all_are_off(self, settings, cache):
        settings.CACHES = {"default": cache}
        settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": dict.fromkeys(_scopes())}
        assert set(ids()) == {"W008"}

    def test_are_the_two_that_everybody_meets_at_least(self):
        assert {"session-login", "session-refresh"} <= set(_scopes())


class TestDjangoOTP:
    """As a second factor that nobody can have, it would let all sign in by password alone."""

    @pytest.fixture(autouse=True)
    def _second_factor(self, settings):
        path = "refresh_sessions.identity.otp.OneTimePasswordMethod"
        settings.REFRESH_SESSIONS = {"SECOND_FACTORS": (path,)}

    def test_is_missed(self, monkeypatch):
        monkeypatch.setattr("refresh_sessions.identity.otp.find_spec", lambda name: None)
        (message,) = found()
        assert message.id == "refresh_sessions.E020"
        assert "not installed" in message.msg
        assert "pip install 'django-refresh-sessions[otp]'" in str(message.hint)

    def test_has_no_devices(self, monkeypatch):
        django_otp = pytest.importorskip("django_otp")
        monkeypatch.setattr(django_otp, "device_classes", lambda: iter(()))
        (message,) = found()
        assert message.id == "refresh_sessions.E020"
        assert "nobody is asked for a code" in message.msg
        assert "django_otp.plugins.otp_totp" in str(message.hint)

    def test_is_there(self):
        pytest.importorskip("django_otp")
        assert ids() == []


class TestPlaces:
    def test_silent_where_the_library_is_there(self, settings, monkeypatch):
        settings.GEOIP_PATH = "/var/lib/geoip"
        monkeypatch.setattr(deployment, "find_spec", lambda name: name == "geoip2" or None)
        assert ids() == []


class TestUserIdField:
    """Against user models that no project would have all at once."""

    @pytest.fixture
    def check(self, settings, monkeypatch):
        with isolate_apps():

            class Owner(models.Model):  # noqa: DJ008  (nobody looks at one)
                class Meta:
                    app_label = "people"

            class Account(models.Model):  # noqa: DJ008
                public_id = models.UUIDField(unique=True)
                maybe = models.UUIDField(unique=True, null=True)
                number = models.IntegerField()
                number_of_living = models.IntegerField()
                half = models.IntegerField()
                owner = models.OneToOneField(Owner, models.CASCADE)

                class Meta:
                    app_label = "people"
                    constraints = (
                        models.UniqueConstraint(fields=["number"], name="number"),
                        models.UniqueConstraint(
                            fields=["number_of_living"],
                            condition=models.Q(number__gt=0),
                            name="of_living",
                        ),
                        models.UniqueConstraint(fields=["half", "number"], name="half"),
                    )

        monkeypatch.setattr(mistakes, "get_user_model", lambda: Account)

        def check(name):
            settings.REFRESH_SESSIONS = {"USER_ID_FIELD": name}
            return [
                str(message.id).removeprefix("refresh_sessions.") for message in check_settings()
            ]

        return check

    @pytest.mark.parametrize("name", ["pk", "id", "public_id", "number", "owner_id"])
    def test_may_be_anything_that_tells_users_apart(self, check, name):
        assert check(name) == []

    @pytest.mark.parametrize("name", ["owner", "missing", ""])
    def test_must_be_a_plain_field(self, check, name):
        assert check(name) == ["E007"]

    @pytest.mark.parametrize("name", ["maybe", "number_of_living", "half"])
    def test_must_never_be_shared(self, check, name):
        assert check(name) == ["E008"]

    def test_that_is_the_email_address_is_warned_of(self, settings, monkeypatch):
        model = get_user_model()
        monkeypatch.setattr(model, "USERNAME_FIELD", "number")
        settings.REFRESH_SESSIONS = {"USER_ID_FIELD": "email"}
        warned = [message.id for message in check_deployment()]
        assert warned == ["refresh_sessions.W016"]


class TestKeys:
    """The checks for which more than settings is needed."""

    IDS = ("E016", "E018", "W019", "W020")

    @pytest.fixture
    def asymmetric(self):
        pytest.importorskip("cryptography")

    def test_without_cryptography_there_are_symmetric_keys_only(self, settings, monkeypatch):
        monkeypatch.setattr("refresh_sessions.tokens.keys.pem.find_spec", lambda name: None)
        settings.REFRESH_SESSIONS = {"KEYS": [{"algorithm": "ES256", "value": "x"}]}
        assert ids() == ["E018"]
        assert "[crypto]" in str(found()[0].hint)

    def test_a_public_key_cannot_sign(self, settings, asymmetric):
        public = {"algorithm": "ES256", "value": public_pem("ES256")}
        settings.REFRESH_SESSIONS = {"KEYS": [public, entry("EdDSA")]}
        assert ids() == ["E016"]
        settings.REFRESH_SESSIONS = {"KEYS": [entry("EdDSA"), public]}
        assert ids() == []

    @pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "PS256"])
    def test_nothing_is_said_against(self, settings, asymmetric, algorithm):
        settings.REFRESH_SESSIONS = {"KEYS": [entry(algorithm)]}
        assert ids() == []

    def test_the_padding_of_rs256_is_warned_of(self, settings, asymmetric):
        settings.REFRESH_SESSIONS = {"KEYS": [entry("ES256"), entry("RS256")]}
        assert ids() == ["W019"]

    @pytest.mark.parametrize("symmetric", ["SECRET_KEY", entry("HS256")], ids=["derived", "own"])
    def test_symmetric_keys_beside_others_are_warned_of(self, settings, asymmetric, symmetric):
        settings.REFRESH_SESSIONS = {"KEYS": [entry("ES256"), symmetric]}
        assert ids() == ["W020"]

    def test_all_faults_are_told_and_no_risk_beside_them(self, settings, asymmetric):
        keys = ["x", entry("RS256"), {"algorithm": "ES256", "value": "y"}]
        settings.REFRESH_SESSIONS = {"KEYS": keys}
        assert ids() == ["E014", "E014"]

    def test_no_check_shows_a_key(self, settings):
        secret = entry("HS256")["value"]
        for algorithm in ("HS256", "HS512", "ES256", "none"):
            value = {"algorithm": algorithm, "value": secret}
            settings.REFRESH_SESSIONS = {"KEYS": [value, value], "REFRESH_KEYS": [value]}
            assert ids()
            assert secret not in "".join(map(str, found()))


class TestAudience:
    @pytest.mark.django_db
    def test_of_refresh_tokens_is_the_one_that_is_refused(self, settings):
        settings.REFRESH_SESSIONS = {"ISSUER": "shop"}
        _, claims = parts(str(make_pair().refresh))
        settings.REFRESH_SESSIONS = {"ISSUER": "shop", "AUDIENCE": claims["aud"]}
        assert ids() == ["E009"]


class TestRunning:
    def test_errors_come_with_every_check(self, settings):
        settings.REFRESH_SESSIONS = {"ISSUR": "shop"}
        assert _run() == ["refresh_sessions.E001"]
        with pytest.raises(CommandError, match=r"refresh_sessions\.E001"):
            call_command("check", tags=["refresh_sessions"])

    def test_warnings_come_with_deploy(self, settings):
        settings.REFRESH_SESSIONS = {"LEEWAY": seconds(61)}
        assert _run() == []
        assert _run(deploy=True) == ["refresh_sessions.W007"]

    def test_warnings_count_among_those_of_security(self, settings):
        settings.REFRESH_SESSIONS = {"LEEWAY": seconds(61)}
        messages = run_checks(tags=["security"], include_deployment_checks=True)
        assert "refresh_sessions.W007" in [message.id for message in messages]

    def test_warnings_are_silenced_in_the_ordinary_way(self, settings):
        settings.REFRESH_SESSIONS = {"LEEWAY": seconds(61), "ACCESS_TOKEN_CHECK": "stateless"}
        settings.SILENCED_SYSTEM_CHECKS = ["refresh_sessions.W007"]
        out = StringIO()
        call_command(
            "check", deploy=True, tags=["refresh_sessions"], stdout=out, stderr=(err := StringIO())
        )
        assert "refresh_sessions.W014" in out.getvalue() + err.getvalue()
        assert "refresh_sessions.W007" not in out.getvalue() + err.getvalue()

    def test_finds_nothing_in_the_project_of_these_tests(self):
        assert _run(deploy=True) == []


def _run(*, deploy=False) -> list[str]:
    messages = run_checks(tags=["refresh_sessions"], include_deployment_checks=deploy)
    return [str(message.id) for message in messages]


def _scopes() -> list[str]:
    """The scopes of all throttles of this package, as they stand in its source."""
    source = (PACKAGE / "rest_framework" / "throttling.py").read_text()
    return re.findall(r'^    scope = "([a-z-]+)"$', source, re.M)


def _ids_in_source() -> list[str]:
    source = "".join(path.read_text() for path in sorted(PACKAGE.rglob("*.py")))
    return re.findall(r"id=\"refresh_sessions\.([EW]\d{3})\"", source)
