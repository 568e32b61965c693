"""Every setting, with its type, its default, and what it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

NAMESPACE: Final = "REFRESH_SESSIONS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every key of ``REFRESH_SESSIONS`` with its type and default. Durations are timedeltas."""

    ACCESS_TOKEN_LIFETIME: timedelta = timedelta(minutes=15)
    REFRESH_TOKEN_LIFETIME: timedelta = timedelta(days=7)
    """Life of one refresh token, so the idle limit of a session."""
    SESSION_LIFETIME: timedelta = timedelta(days=7)
    """The hard limit: no refresh moves it."""
    MAX_REFRESHES_PER_SESSION: int | None = None
    MAX_SESSIONS_PER_USER: int | None = 200
    """Sessions of one user at a time; a bound on what logins without logouts collect."""
    ON_SESSION_LIMIT: Literal["revoke_oldest", "deny"] = "revoke_oldest"
    ROTATION_OVERLAP: timedelta = timedelta(seconds=10)
    """How long after a rotation parallel requests with the old token are taken as siblings."""
    LOST_RESPONSE_RECOVERY: bool = True
    CONFIRM_DELIVERY_AFTER: timedelta | None = timedelta(minutes=1)
    """How old a generation has to be before an API call is evidence that its client has stored the
    refresh token; browsers store cookies up to 30 seconds late. None: calls are no evidence."""
    COMPANION_COOKIE: Literal["siblings", "require", "off"] = "siblings"
    """With ``TRANSPORT = "body"``: an HttpOnly cookie that a copied token lacks. "siblings":
    parallel refreshes that show it get one successor; "require": a family that has shown it is
    refused without it."""
    SESSION_EXPIRED_STATUS: Literal[403, 401] = 403
    """The HTTP status of ``session_expired``; many clients give up on 401 alone."""
    ACCESS_TOKEN_CHECK: Literal["session", "cache", "stateless"] = "session"  # noqa: S105
    CACHE_ALIAS: str = "default"
    """The cache of ``ACCESS_TOKEN_CHECK = "cache"``."""
    CACHE_TIMEOUT: timedelta = timedelta(seconds=60)
    """How long ``ACCESS_TOKEN_CHECK = "cache"`` trusts what it has seen in the database."""
    REAUTHENTICATION_MAX_AGE: timedelta = timedelta(minutes=5)
    """How old a proof of identity may be for a sensitive action."""
    REAUTHENTICATION_METHODS: tuple[str, ...] = ("refresh_sessions.identity.PasswordMethod",)
    """By what people prove who they are once more: subclasses of ``AuthenticationMethod``."""
    SECOND_FACTORS: tuple[str, ...] = ()
    """What a sign-in asks of those who have it: subclasses of ``AuthenticationMethod``."""
    SIGN_IN_TICKET_LIFETIME: timedelta = timedelta(minutes=5)
    """How long a sign-in waits for its second step."""
    REAUTHENTICATE_TO_REVOKE: bool = True
    """Ending other devices from ``sessions/`` is a sensitive action (ASVS 7.5.2)."""
    MAX_FAMILIES_PER_SESSION: int = 5
    """How many processes of one device may have tokens of their own, the first included."""
    ISSUER: str = "refresh_sessions"
    TENANT: str = "refresh_sessions.tenants.schema_of_connection"
    """A function without arguments that names the present tenant, as a part of the issuer."""
    ENVIRONMENT: str = ""
    """What tells this database from others in access tokens and cache keys; empty: its ``NAME``,
    ``HOST``, ``PORT`` and schema."""
    AUDIENCE: str = "refresh_sessions.access"
    CLIENT_ID: str = "refresh_sessions.client"
    """The claim ``client_id`` of access tokens (RFC 9068 §2.2)."""
    KEYS: Sequence[Mapping[str, str] | str] = ()
    """Keys of access tokens: the first signs, all verify. Empty: derived from SECRET_KEY."""
    REFRESH_KEYS: Sequence[Mapping[str, str] | str] = ()
    """The same for refresh tokens, symmetric keys only."""
    INTROSPECTION_CLIENTS: Mapping[str, str] = field(default_factory=dict)
    """Who may ask ``introspect/``: names, each with the SHA-256 of its secret in hex."""
    LEEWAY: timedelta = timedelta(seconds=5)
    """Tolerance for clocks of servers that verify access tokens; database expiries have none."""
    USER_ID_FIELD: str = "pk"
    """The field of the user model whose value becomes the claim ``sub``."""
    TRANSPORT: Literal["body", "cookie"] = "body"
    COOKIE_NAME: str = "__Host-refresh_token"
    COOKIE_PATH: str = "/"
    COOKIE_DOMAIN: str | None = None
    COOKIE_SAMESITE: Literal["Strict", "Lax", "None"] = "Strict"
    COOKIE_SECURE: bool = True
    FIELD_NAMES: Mapping[str, str] = field(default_factory=dict)
    TRUSTED_PROXIES: tuple[str, ...] = ()
    """Networks whose X-Forwarded-For is believed, such as ``"10.0.0.0/8"``; ``"private"`` is
    loopback and all private networks, ``"unix"`` whoever connects through a Unix socket."""
    MAIL_ON_REUSE: bool = False
    """Mail the user whose session was ended because a used refresh token came back."""
    MAIL_ON_NEW_DEVICE: bool = False
    """Mail the user of a sign-in from a device that they have not signed in from before."""
    POLICY: str = "refresh_sessions.policies.SessionPolicy"
    LOGIN_SERIALIZER: str = "refresh_sessions.rest_framework.serializers.LoginSerializer"
    SESSION_SERIALIZER: str = "refresh_sessions.rest_framework.serializers.SessionSerializer"

    def field_name(self, name: str) -> str:
        """The name by which ``name`` appears in requests and answers."""
        return self.FIELD_NAMES.get(name, name)
