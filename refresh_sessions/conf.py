"""The settings of this package: one frozen, typed object, read where it is used.

``get_settings()`` parses ``settings.REFRESH_SESSIONS`` again whenever Django holds another
dict, so ``override_settings`` and pytest-django's ``settings`` fixture just work.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from ipaddress import ip_network
from typing import Any, Final, Literal, get_type_hints

from django.conf import settings as django_settings

from refresh_sessions.exceptions import SettingsError
from refresh_sessions.shapes import describe, fits

NAMESPACE: Final = "REFRESH_SESSIONS"

RENAMABLE_FIELDS: Final = (
    "access",
    "refresh",
    "access_expires_at",
    "refresh_expires_at",
    "session",
    "username",
    "password",
    "device_name",
)
"""The names in requests and answers that ``FIELD_NAMES`` may replace."""

UNIX_SOCKET: Final = "unix"
"""Stands in ``TRUSTED_PROXIES`` for whoever connects through a Unix socket and has no address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every key of ``REFRESH_SESSIONS`` with its type and default. Durations are timedeltas."""

    ACCESS_TOKEN_LIFETIME: timedelta = timedelta(minutes=15)
    REFRESH_TOKEN_LIFETIME: timedelta = timedelta(days=7)
    """Life of one refresh token, so the idle limit of a session."""
    SESSION_LIFETIME: timedelta = timedelta(days=7)
    """The hard limit: no refresh moves it."""
    MAX_REFRESHES_PER_SESSION: int | None = None
    MAX_SESSIONS_PER_USER: int | None = None
    ON_SESSION_LIMIT: Literal["revoke_oldest", "deny"] = "revoke_oldest"
    ROTATION_OVERLAP: timedelta = timedelta(seconds=10)
    """How long after a rotation parallel requests with the old token are taken as siblings."""
    LOST_RESPONSE_RECOVERY: bool = True
    CONFIRM_DELIVERY: bool = True
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
    """Networks whose X-Forwarded-For is believed, such as ``"10.0.0.0/8"``; ``"unix"`` is whoever
    connects through a Unix socket."""
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


_SECRETIVE: Final = ("KEYS", "REFRESH_KEYS", "INTROSPECTION_CLIENTS")
"""Settings whose values must not show in a message."""
_CLIENT_NAME: Final = re.compile(r"[A-Za-z0-9._~-]+")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_ERROR_FIELDS: Final = ("code", "detail", "errors", "reason")
_HINTS: Final = get_type_hints(Settings)
_UNSET: Final = object()


def problems(raw: Any) -> Iterator[str]:
    """Say, one by one, what is wrong with a value for ``REFRESH_SESSIONS``."""
    if not isinstance(raw, Mapping):
        yield f"{NAMESPACE} must be a dict, not {type(raw).__name__}."
        return
    for key, value in raw.items():
        if key not in _HINTS:
            yield f"{NAMESPACE} has no setting {key!r}.{_did_you_mean(key)}"
        elif not fits(value, _HINTS[key]):
            shown = repr(type(value) if key in _SECRETIVE else value)
            yield f"{NAMESPACE}[{key!r}] must be {describe(_HINTS[key])}, not {shown}."
        else:
            yield from _value_problems(key, value)


def parse_settings(raw: Any) -> Settings:
    """Build the settings object, or raise ``SettingsError`` with the first problem found."""
    for problem in problems(raw):
        raise SettingsError(problem)
    return Settings(**raw)


class _Reader:
    """Parse again only when Django holds another dict.

    Identity, not the signal ``setting_changed``: pytest-django's ``del settings.X`` sends none.
    """

    def __init__(self) -> None:
        self._last: tuple[object, Settings] = (_UNSET, Settings())

    def __call__(self) -> Settings:
        raw = getattr(django_settings, NAMESPACE, _UNSET)
        last, parsed = self._last
        if raw is not last:
            parsed = Settings() if raw is _UNSET else parse_settings(raw)
            self._last = (raw, parsed)
        return parsed


get_settings = _Reader()
"""The settings in force now. Call it where a value is used; keep nothing."""


def _value_problems(key: str, value: Any) -> Iterator[str]:
    name = f"{NAMESPACE}[{key!r}]"
    if isinstance(value, timedelta) and value < timedelta(0):
        yield f"{name} must not be negative."
    elif key.endswith("_LIFETIME") and not value:
        yield f"{name} must be longer than zero."
    elif key.startswith("MAX_") and value is not None and value < 1:
        no_limit = "; None means no limit" if fits(None, _HINTS[key]) else ""
        yield f"{name} must be at least 1{no_limit}."
    elif key == "FIELD_NAMES":
        yield from _field_name_problems(name, value)
    elif key == "TRUSTED_PROXIES":
        yield from _network_problems(name, value)
    elif key == "INTROSPECTION_CLIENTS":
        yield from _client_problems(name, value)
    elif key == "CLIENT_ID" and not value:
        yield f"{name} must not be empty."


def _field_name_problems(name: str, value: Mapping[str, str]) -> Iterator[str]:
    for key in value:
        if key not in RENAMABLE_FIELDS:
            yield f"{name} cannot rename {key!r}; it knows {', '.join(RENAMABLE_FIELDS)}."
    final = [value.get(key, key) for key in RENAMABLE_FIELDS]
    if len(set(final)) < len(final):
        yield f"{name} gives two fields the same name."
    for taken in sorted({"", *_ERROR_FIELDS} & set(final)):
        yield f"{name} cannot use the name {taken!r}."


def _client_problems(name: str, value: Mapping[str, str]) -> Iterator[str]:
    for client, digest in value.items():
        if not _CLIENT_NAME.fullmatch(client):
            yield f"{name} has a client {client!r}; use letters, digits, '-', '.', '_' and '~'."
        if not _DIGEST.fullmatch(digest):
            yield (
                f"{name}[{client!r}] must be the SHA-256 digest of a secret in lower-case hex, as "
                "'manage.py refresh_sessions_key client' makes it."
            )


def _network_problems(name: str, value: tuple[str, ...]) -> Iterator[str]:
    for network in value:
        if network == UNIX_SOCKET:
            continue
        try:
            ip_network(network)
        except ValueError as error:
            yield f"{name}: {error}."


def _did_you_mean(key: object) -> str:
    # As close as a slip of the fingers: another package's setting is none of ours misspelt.
    known = [item.name for item in fields(Settings)]
    close = difflib.get_close_matches(str(key), known, n=1, cutoff=0.8)
    return f" Did you mean {close[0]!r}?" if close else ""
