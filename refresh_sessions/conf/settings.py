"""All settings with type, default and meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

NAMESPACE: Final = "REFRESH_SESSIONS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The keys of ``REFRESH_SESSIONS`` with type and default. Durations are timedeltas."""

    ACCESS_TOKEN_LIFETIME: timedelta = timedelta(minutes=15)
    REFRESH_TOKEN_LIFETIME: timedelta = timedelta(days=7)
    """Lifetime of one refresh token, which is the idle limit of a session."""
    SESSION_LIFETIME: timedelta = timedelta(days=7)
    """Time from login to the hard deadline, which no refresh moves."""
    MAX_REFRESHES_PER_SESSION: int | None = None
    MAX_SESSIONS_PER_USER: int | None = 200
    """Maximum active sessions of one user; it bounds logins without a logout."""
    ON_SESSION_LIMIT: Literal["revoke_oldest", "deny"] = "revoke_oldest"
    ROTATION_OVERLAP: timedelta = timedelta(seconds=10)
    """How long after a rotation requests with the token before count as siblings."""
    LOST_RESPONSE_RECOVERY: bool = True
    CONFIRM_DELIVERY_AFTER: timedelta | None = timedelta(minutes=1)
    """Minimum age of a generation after which an API call confirms the delivery of its refresh
    token; browsers store cookies up to 30 seconds late. None: API calls confirm nothing."""
    COMPANION_COOKIE: Literal["siblings", "require", "off"] = "siblings"
    """With ``TRANSPORT = "body"``: an HttpOnly cookie that an attacker with a copied token lacks.
    "siblings": parallel refreshes with the cookie get the same successor. "require": after its
    first refresh with the cookie, a family is refused without it."""
    DPOP: Literal["accept", "require", "off"] = "accept"
    """DPoP (RFC 9449): whether a login with a proof binds its refresh tokens to the key of the
    client. "require": logins without a proof are refused, unless the policy says otherwise."""
    DPOP_ACCESS_TOKENS: bool = False
    """Whether the access tokens of sessions with a DPoP key are bound to it as well; clients then
    send a proof with each API request."""
    DPOP_NONCE: bool = False
    """Whether DPoP proofs must contain a recent nonce of the server (RFC 9449 §8)."""
    DEVICE_BOUND_SESSIONS: bool = False
    """With ``TRANSPORT = "cookie"``: whether a login asks the browser to bind the session to a key
    of the device (W3C Device Bound Session Credentials)."""
    BOUND_COOKIE_LIFETIME: timedelta = timedelta(minutes=10)
    """How long the cookie that a browser gets for its device key is valid; the browser renews it
    in time."""
    BOUND_COOKIE_PATHS: tuple[str, ...] = ()
    """Paths of the project before whose requests the browser renews that cookie, besides those of
    this package: such as that of a view that changes passwords."""
    PUBLIC_ORIGIN: str = ""
    """Scheme and host of the API as clients know it, such as ``"https://api.example.com"``, for
    DPoP behind a proxy; empty: those of ``request.build_absolute_uri()``."""
    SESSION_EXPIRED_STATUS: Literal[403, 401] = 403
    """The HTTP status of ``session_expired``; many clients log out on 401 only."""
    ACCESS_TOKEN_CHECK: Literal["session", "cache", "stateless"] = "session"  # noqa: S105
    CACHE_ALIAS: str = "default"
    """The cache of ``ACCESS_TOKEN_CHECK = "cache"``."""
    CACHE_TIMEOUT: timedelta = timedelta(seconds=60)
    """How long ``ACCESS_TOKEN_CHECK = "cache"`` uses a state that it read from the database."""
    REAUTHENTICATION_MAX_AGE: timedelta = timedelta(minutes=5)
    """Maximum age of the authentication for a sensitive action."""
    REAUTHENTICATION_METHODS: tuple[str, ...] = ("refresh_sessions.identity.PasswordMethod",)
    """Methods for a re-authentication: subclasses of ``AuthenticationMethod``."""
    SECOND_FACTORS: tuple[str, ...] = ()
    """Methods for the second step of a login, for users who have one of them: subclasses of
    ``AuthenticationMethod``."""
    SIGN_IN_TICKET_LIFETIME: timedelta = timedelta(minutes=5)
    """Maximum time between the first and the second step of a login."""
    REAUTHENTICATE_TO_REVOKE: bool = True
    """Whether to revoke other sessions from ``sessions/`` is a sensitive action (ASVS 7.5.2)."""
    MAX_FAMILIES_PER_SESSION: int = 5
    """Maximum token families of one session, the family of the login included."""
    ISSUER: str = "refresh_sessions"
    TENANT: str = "refresh_sessions.tenants.schema_of_connection"
    """A function without arguments that returns the current tenant, a part of the issuer."""
    ENVIRONMENT: str = ""
    """Identifies the database in access tokens and cache keys; empty: its ``NAME``, ``HOST``,
    ``PORT`` and schema."""
    AUDIENCE: str = "refresh_sessions.access"
    CLIENT_ID: str = "refresh_sessions.client"
    """The claim ``client_id`` of access tokens (RFC 9068 §2.2)."""
    KEYS: Sequence[Mapping[str, str] | str] = ()
    """Keys of access tokens: the first signs, all verify. Empty: derived from SECRET_KEY."""
    REFRESH_KEYS: Sequence[Mapping[str, str] | str] = ()
    """Keys of refresh tokens, as ``KEYS``; symmetric keys only."""
    INTROSPECTION_CLIENTS: Mapping[str, str] = field(default_factory=dict)
    """Clients of ``introspect/``: the name and the SHA-256 digest of the secret in hex."""
    LEEWAY: timedelta = timedelta(seconds=5)
    """Clock tolerance for the expiry of access tokens; not for deadlines in the database."""
    USER_ID_FIELD: str = "pk"
    """The field of the user model for the claim ``sub``."""
    TRANSPORT: Literal["body", "cookie"] = "body"
    COOKIE_NAME: str = "__Host-refresh_token"
    COOKIE_PATH: str = "/"
    COOKIE_DOMAIN: str | None = None
    COOKIE_SAMESITE: Literal["Strict", "Lax", "None"] = "Strict"
    COOKIE_SECURE: bool = True
    FIELD_NAMES: Mapping[str, str] = field(default_factory=dict)
    TRUSTED_PROXIES: tuple[str, ...] = ()
    """Networks of proxies with a trusted X-Forwarded-For, such as ``"10.0.0.0/8"``; ``"private"``
    is loopback and all private networks, ``"unix"`` is a connection through a Unix socket."""
    MAIL_ON_REUSE: bool = False
    """Mail the user after a session was revoked for reuse of a refresh token."""
    MAIL_ON_MISUSE: bool = False
    """Mail the user after a bound refresh token was presented without its key."""
    MAIL_ON_NEW_DEVICE: bool = False
    """Mail the user after a login from a new device."""
    POLICY: str = "refresh_sessions.policies.SessionPolicy"
    LOGIN_SERIALIZER: str = "refresh_sessions.rest_framework.serializers.LoginSerializer"
    SESSION_SERIALIZER: str = "refresh_sessions.rest_framework.serializers.SessionSerializer"

    def field_name(self, name: str) -> str:
        """The name of the field ``name`` in requests and responses."""
        return self.FIELD_NAMES.get(name, name)
