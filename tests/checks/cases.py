"""Settings that make one check, two checks or no check report."""

from abc import ABCMeta, abstractmethod
from datetime import timedelta

from django.contrib.auth import get_user_model
from rest_framework import serializers

from refresh_sessions import presets
from refresh_sessions.identity import AuthenticationMethod
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.rest_framework.serializers import LoginSerializer, SessionSerializer
from tests.checks.finding import LOCAL, NOTHING, STRONG, Case, rates, seconds
from tests.factors import Code
from tests.keys import entry

THROTTLES_OFF = rates(None)

HTTPS = "https://api.example.com"

ORIGIN = {"PUBLIC_ORIGIN": HTTPS}
"""For settings with proxies, so that these do not cause W026."""

a_policy = SessionPolicy()


DPOP_UNUSED = {"DPOP": "off", "DPOP_ACCESS_TOKENS": True, "DPOP_NONCE": True}


def entry_for(algorithm):
    return {"algorithm": algorithm, "file": "/nowhere"}


class NoPolicy:
    """A class without any method of a policy."""


class Thumb(Code):
    """A second factor that reports a problem."""

    def find_problems(self):
        yield "there is no reader.", "Buy one."


def cookie(**options):
    return {"TRANSPORT": "cookie", **options}


class UsersElsewhere:
    """A router that reads and writes users in a separate database."""

    def db_for_write(self, model, **hints):
        return "people" if model is get_user_model() else None

    db_for_read = db_for_write


class AttemptsElsewhere:
    """A router that stores one model of the package in another database than the users."""

    def db_for_write(self, model, **hints):
        return "attempts" if model.__name__ == "ProofAttempts" else None


class UsersReadElsewhere:
    """A router that reads from a replica."""

    def db_for_read(self, model, **hints):
        return "replica"


class Stricter(SessionPolicy):
    """A policy that overrides one method."""

    def __init__(self, limit=3):
        self.limit = limit

    def max_sessions(self, user, **kwargs):
        return self.limit

    @staticmethod
    def reuse_ends(user, *, session):
        return "user"


class StaffWithKey(SessionPolicy):
    def require_binding(self, user, *, request):
        return user.is_staff


class WantsArguments(SessionPolicy):
    def __init__(self, lifetime):
        self.lifetime = lifetime


class OldSignature(SessionPolicy):
    def session_lifetime(self, user, request):
        return super().session_lifetime(user, request=request, data={})


class TooFewArguments(SessionPolicy):
    @staticmethod
    def max_refreshes(user):
        return 3


class Asynchronous(SessionPolicy):
    async def access_token_claims(self, user, *, session, request):
        return {}


class NotAMethod(SessionPolicy):
    max_sessions = 3  # type: ignore[assignment]


class Nameless(AuthenticationMethod):
    amr = "otp"

    def is_available(self, user):
        return True

    def verify(self, user, data, request):
        return True


class Unverified(AuthenticationMethod):
    name = "code"
    amr = "otp"
    second_factor = True

    def is_available(self, user):
        return True


class ShortVerify(Code):
    def verify(self, user, data):
        return True


class Abstract(Code, metaclass=ABCMeta):
    @abstractmethod
    def send(self, user): ...


class EmailLogin(serializers.Serializer):
    email = serializers.EmailField()
    password = serializers.CharField()


class CodeLogin(serializers.Serializer):
    username = serializers.CharField()
    code = serializers.CharField()


class NothingLogin(serializers.Serializer):
    """A serializer without fields."""


class ReadOnlyLogin(LoginSerializer):
    username = serializers.CharField(read_only=True)


class WithoutPassword(LoginSerializer):
    password = None  # type: ignore[assignment]


class BySource(serializers.Serializer):
    email = serializers.EmailField(source="username")
    pin = serializers.CharField(source="password")


class Computed(EmailLogin):
    def validate(self, attrs):
        return {"username": attrs["email"], "password": attrs["password"]}


class NeedsRequest(LoginSerializer):
    def get_fields(self):
        fields = super().get_fields()
        fields["site"] = serializers.CharField(default=self.context["request"].get_host())
        return fields


class WithoutMeta(serializers.ModelSerializer):
    """A model serializer without a model."""


class UnknownField(SessionSerializer):
    class Meta(SessionSerializer.Meta):
        fields = ("id", "country")  # type: ignore[assignment]


class UnknownAttribute(serializers.Serializer):
    id = serializers.UUIDField()
    country = serializers.CharField()

    def update(self, instance, validated_data):
        return instance


class WithoutUpdate(serializers.Serializer):
    name = serializers.CharField()


class WithoutMethod(SessionSerializer):
    country = serializers.SerializerMethodField()

    class Meta(SessionSerializer.Meta):
        fields = ("id", "country")  # type: ignore[assignment]


class OwnFields(serializers.Serializer):
    key = serializers.UUIDField(source="pk", read_only=True)
    owner = serializers.CharField(source="user.email", read_only=True)
    flag = serializers.BooleanField(default=False, source="starred")
    name = serializers.CharField()

    def update(self, instance, validated_data):
        return instance


CASES = [
    Case("E001", "no setting 'ISSUR'", "Did you mean 'ISSUER'", ISSUR="shop"),
    Case("E001", "'LEEWAY'", "such as timedelta(seconds=5), not 5", LEEWAY=5),
    Case("E002", "USE_TZ", django={"USE_TZ": False}),
    Case("E005", "'POLICY'", "users.nowhere", POLICY="users.nowhere.Policy"),
    Case("E005", "'POLICY'", "NoSuchPolicy", POLICY="tests.checks.cases.NoSuchPolicy"),
    Case("E005", "'LOGIN_SERIALIZER'", "Login", LOGIN_SERIALIZER="Login"),
    Case("E005", "'SESSION_SERIALIZER'", SESSION_SERIALIZER=""),
    Case("E005", "'REAUTHENTICATION_METHODS'", "Gone", REAUTHENTICATION_METHODS=("a.Gone",)),
    Case("E005", "'SECOND_FACTORS'", "Gone", SECOND_FACTORS=("a.Gone",)),
    Case("E006", "'SECOND_FACTORS'", SECOND_FACTORS=("tests.checks.cases.NoPolicy",)),
    Case("E024", "'TENANT'", "nowhere", TENANT="users.nowhere.tenant"),
    Case("E024", "'TENANT'", "without arguments", TENANT=f"{__name__}.rates"),
    Case("E024", "'TENANT'", "without arguments", TENANT=f"{__name__}.a_policy"),
    Case(
        *("E026", "'people'", "'default'"),
        django={"DATABASE_ROUTERS": [f"{__name__}.UsersElsewhere"]},
    ),
    Case(
        *("E026", "'attempts'", "ProofAttempts"),
        django={"DATABASE_ROUTERS": [f"{__name__}.AttemptsElsewhere"]},
    ),
    Case("E019", "Password", SECOND_FACTORS=("refresh_sessions.identity.PasswordMethod",)),
    Case("E020", "'SECOND_FACTORS'", "no reader", SECOND_FACTORS=(f"{__name__}.Thumb",)),
    Case(
        *("E020", "'REAUTHENTICATION_METHODS'", "no reader"),
        REAUTHENTICATION_METHODS=(f"{__name__}.Thumb",),
    ),
    *(
        Case("E022", *mentions, LOGIN_SERIALIZER=f"{__name__}.{name}")
        for name, *mentions in (
            ("EmailLogin", "no username"),
            ("CodeLogin", "no password"),
            ("NothingLogin", "no username and no password"),
            ("ReadOnlyLogin", "no username"),
            ("WithoutPassword", "no password"),
        )
    ),
    *(
        Case("E023", f"'{key}'", *mentions, **{key: f"{__name__}.{name}"})
        for key, name, *mentions in (
            ("POLICY", "WantsArguments", "without arguments", "'lifetime'"),
            ("POLICY", "OldSignature", "'session_lifetime'", "other arguments"),
            ("POLICY", "TooFewArguments", "'max_refreshes'", "'session'"),
            ("POLICY", "Asynchronous", "'access_token_claims'", "async"),
            ("POLICY", "NotAMethod", "'max_sessions'", "not a method"),
            ("LOGIN_SERIALIZER", "WithoutMeta", "Meta"),
            ("SESSION_SERIALIZER", "WithoutMeta", "Meta"),
            ("SESSION_SERIALIZER", "UnknownField", "country"),
            ("SESSION_SERIALIZER", "UnknownAttribute", "'country'"),
            ("SESSION_SERIALIZER", "WithoutUpdate", "'update'"),
            ("SESSION_SERIALIZER", "WithoutMethod", "'get_country'"),
        )
    ),
    *(
        Case("E023", *mentions, REAUTHENTICATION_METHODS=[f"{__name__}.{name}"])
        for name, *mentions in (
            ("Nameless", "'name'"),
            ("Unverified", "'verify'"),
            ("ShortVerify", "'verify'", "other arguments"),
            ("Abstract", "'send'"),
        )
    ),
    Case("E023", "'verify'", SECOND_FACTORS=[f"{__name__}.ShortVerify"]),
    Case("E021", "'session-login'", "fortnight", django={"REST_FRAMEWORK": rates("5/fortnight")}),
    Case("E021", "'session-login'", "'5'", django={"REST_FRAMEWORK": rates("5")}),
    Case("E021", "'session-login'", "five", django={"REST_FRAMEWORK": rates("five/min")}),
    Case("E021", "'session-login'", "5/", django={"REST_FRAMEWORK": rates("5/")}),
    Case("E021", "'session-login'", django={"REST_FRAMEWORK": rates(5)}),
    Case("E006", "'POLICY'", "SessionPolicy", POLICY="tests.checks.cases.NoPolicy"),
    Case(
        *("E006", "'REAUTHENTICATION_METHODS'", "AuthenticationMethod"),
        REAUTHENTICATION_METHODS=("tests.checks.cases.NoPolicy",),
    ),
    Case("E006", "'POLICY'", "SessionPolicy", POLICY="tests.checks.cases.a_policy"),
    Case("E006", "'POLICY'", "get_policy", POLICY="refresh_sessions.policies.get_policy"),
    Case("E006", "'LOGIN_SERIALIZER'", LOGIN_SERIALIZER="tests.checks.cases.NoPolicy"),
    Case("E006", "'SESSION_SERIALIZER'", SESSION_SERIALIZER="tests.checks.cases.NoPolicy"),
    Case("E007", "'uuid'", USER_ID_FIELD="uuid"),
    Case("E007", "'groups'", USER_ID_FIELD="groups"),
    Case("E007", "'device_sessions'", USER_ID_FIELD="device_sessions"),
    Case("E007", "'get_username'", USER_ID_FIELD="get_username"),
    Case("E008", "'password'", USER_ID_FIELD="password"),
    Case("E009", "'AUDIENCE'", AUDIENCE="refresh_sessions#refresh"),
    Case("E009", "'AUDIENCE'", ISSUER="shop", AUDIENCE="shop#refresh"),
    Case("E009", "'AUDIENCE'", ISSUER="shop", AUDIENCE="shop/berlin#refresh"),
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
    Case("W023", "'ACCESS_TOKEN_LIFETIME'", CONFIRM_DELIVERY_AFTER=timedelta(minutes=15)),
    Case("W023", "'CONFIRM_DELIVERY_AFTER'", ACCESS_TOKEN_LIFETIME=timedelta(minutes=1)),
    Case("W024", "'require'", COMPANION_COOKIE="require", TRANSPORT="cookie"),
    Case("E003", "'BOUND_COOKIE_LIFETIME'", BOUND_COOKIE_LIFETIME=seconds(0.5)),
    Case("E029", "'account/'", BOUND_COOKIE_PATHS=("account/",)),
    Case("W031", "'body'", DEVICE_BOUND_SESSIONS=True),
    Case("W032", "'__Host-'", **cookie(DEVICE_BOUND_SESSIONS=True, COOKIE_NAME="rt")),
    Case(
        *("W033", "SECURE_PROXY_SSL_HEADER"),
        **cookie(DEVICE_BOUND_SESSIONS=True, TRUSTED_PROXIES=("private",), **ORIGIN),
    ),
    Case(
        *("W034", "four minutes"),
        **cookie(DEVICE_BOUND_SESSIONS=True, BOUND_COOKIE_LIFETIME=seconds(200)),
    ),
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
    Case("W015", "'0.0.0.0/0'", TRUSTED_PROXIES=("10.0.0.0/8", "0.0.0.0/0"), **ORIGIN),
    Case("W015", "'::/0'", TRUSTED_PROXIES=["::/0"], **ORIGIN),
    Case("E001", "did you mean 10.0.0.0/8", TRUSTED_PROXIES=["10.1.0.0/8"]),
    Case("E001", "host names are not looked up", TRUSTED_PROXIES=["proxy"]),
    Case("E001", "did you mean 'https://api.example.com'?", PUBLIC_ORIGIN=f"{HTTPS}/api/"),
    Case("E001", "is not a scheme and a host", PUBLIC_ORIGIN="api.example.com"),
    Case("E001", "is not a scheme and a host", PUBLIC_ORIGIN="https://x:99999"),
    Case("E001", "is not a scheme and a host", PUBLIC_ORIGIN="https://me@api.example.com"),
    Case("E001", "more than one origin", PUBLIC_ORIGIN=f"{HTTPS}, https://example.org"),
    Case("W027", "'DPOP_ACCESS_TOKENS' has", DPOP="off", DPOP_ACCESS_TOKENS=True),
    Case("W027", "'DPOP_ACCESS_TOKENS' and 'DPOP_NONCE'", **DPOP_UNUSED),
    Case("W028", "require_binding()", DPOP="off", POLICY="tests.checks.cases.StaffWithKey"),
    Case("W030", "http:", PUBLIC_ORIGIN="http://api.example.com"),
    Case("E001", "simplejwt", "KEYS", SIGNING_KEY="x"),
    Case("E014", "'ES257' is not known; did you mean ES256?", KEYS=[entry_for("ES257")]),
    Case("W016", "'USER_ID_FIELD'", USER_ID_FIELD=get_user_model().USERNAME_FIELD),
    Case("W017", "DEFAULT_FROM_EMAIL", MAIL_ON_REUSE=True),
    Case("W017", "DEFAULT_FROM_EMAIL", MAIL_ON_MISUSE=True),
    Case("W017", "DEFAULT_FROM_EMAIL", MAIL_ON_NEW_DEVICE=True),
    Case("W018", "GEOIP_PATH", django={"GEOIP_PATH": "/var/lib/geoip"}),
    Case(
        *("W022", "according to SECURE_PROXY_SSL_HEADER", "TRUSTED_PROXIES"),
        django={"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")},
    ),
    Case("W022", "USE_X_FORWARDED_HOST", django={"USE_X_FORWARDED_HOST": True}),
    Case("W022", "USE_X_FORWARDED_PORT", django={"USE_X_FORWARDED_PORT": True}),
    Case("W022", "NUM_PROXIES", django={"REST_FRAMEWORK": {"NUM_PROXIES": 1}}),
    Case("W022", django={"USE_X_FORWARDED_HOST": True}, TRUSTED_PROXIES=[]),
    Case("E001", "did you mean private", TRUSTED_PROXIES=["Private "]),
    Case(
        "W021",
        "tests.checks.urls_no_auth.me",
        django={"ROOT_URLCONF": "tests.checks.urls_no_auth"},
    ),
]


# Each of these faults causes a second one.
KEYS = ("E016", "E018", "W019", "W020")
"""Checks whose cases need a library; ``test_keys.py`` tests them."""

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
    Case(
        "shortest",
        ACCESS_TOKEN_LIFETIME=seconds(10),
        REFRESH_TOKEN_LIFETIME=seconds(11),
        CONFIRM_DELIVERY_AFTER=seconds(9),
    ),
    Case("calls no evidence", ACCESS_TOKEN_LIFETIME=seconds(10), CONFIRM_DELIVERY_AFTER=None),
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
    Case("policy", POLICY="tests.checks.cases.Stricter"),
    Case("login by source", LOGIN_SERIALIZER=f"{__name__}.BySource"),
    Case("computed login", LOGIN_SERIALIZER=f"{__name__}.Computed"),
    Case("login with a request", LOGIN_SERIALIZER=f"{__name__}.NeedsRequest"),
    Case("session serializer", SESSION_SERIALIZER=f"{__name__}.OwnFields"),
    Case("pk by its name", USER_ID_FIELD="id"),
    Case("cookie", **cookie()),
    Case("cookie for a path", **cookie(COOKIE_NAME="__Secure-rt", COOKIE_PATH="/auth/")),
    Case("cookie for a domain", **cookie(COOKIE_NAME="rt", COOKIE_DOMAIN="example.org")),
    # An unused value causes no report.
    Case("body", COOKIE_SECURE=False, COOKIE_SAMESITE="None", COOKIE_NAME="no name"),
    Case("no cache", CACHE_ALIAS="missing"),
    Case("shared cache", ACCESS_TOKEN_CHECK="cache"),
    Case("mails", django={"DEFAULT_FROM_EMAIL": "shop@example.org"}, MAIL_ON_REUSE=True),
    Case("replica", django={"DATABASE_ROUTERS": [f"{__name__}.UsersReadElsewhere"]}),
    Case("local origin", PUBLIC_ORIGIN="http://localhost:8000"),
    Case("origin with port", PUBLIC_ORIGIN="https://[2001:db8::1]:8443"),
    Case("no DPoP", DPOP="off", TRUSTED_PROXIES=["private"]),
    Case("proxies", TRUSTED_PROXIES=("10.0.0.0/8", "::1", "0.0.0.0/1", "unix"), **ORIGIN),
    Case("named", django={"USE_X_FORWARDED_HOST": True}, TRUSTED_PROXIES=["private"], **ORIGIN),
    Case(
        "lists",
        TRUSTED_PROXIES=["10.0.0.0/8", "unix"],
        SECOND_FACTORS=["tests.factors.Code"],
        REAUTHENTICATION_METHODS=["refresh_sessions.identity.PasswordMethod"],
        **ORIGIN,
    ),
    Case(
        "throttles",
        django={"REST_FRAMEWORK": {"DEFAULT_THROTTLE_RATES": {"session-login": "9/min"}}},
    ),
    # Django itself reports a cache that is missing or not installed.
    Case("no default cache", django={"CACHES": {}}),
    Case("unknown cache", django={"CACHES": {"default": {"BACKEND": "nowhere.Cache"}}}),
]
