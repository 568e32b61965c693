"""Settings of the packages that projects come from, and what takes their place here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_KEYS: Final = "KEYS takes its place; without it keys are derived from SECRET_KEY."
_ALWAYS_ROTATES: Final = "Each refresh token is rotated, and reuse of an old one is detected."
_BEARER: Final = "Access tokens travel as 'Authorization: Bearer …'."
_POLICY: Final = "SESSION_LIFETIME and REFRESH_TOKEN_LIFETIME are the limits of a session."
_ONLY_ACTIVE: Final = "Only active users sign in; an authentication backend can refuse more."
_CLAIM: Final = "Access tokens have the claims of RFC 9068: 'sub', 'jti' and the header 'typ'."
_REVOKES: Final = "A new password revokes the user's sessions, without a setting."
_SIGNALS: Final = "Django's signals user_logged_in and user_login_failed take its place."
_NOTHING: Final = "Nothing takes its place; docs/migrating.md says more."

_SIMPLEJWT: Final[Mapping[str, str]] = {
    "ROTATE_REFRESH_TOKENS": _ALWAYS_ROTATES,
    "BLACKLIST_AFTER_ROTATION": _ALWAYS_ROTATES,
    "UPDATE_LAST_LOGIN": "A sign-in always sets last_login.",
    "ALGORITHM": _KEYS,
    "SIGNING_KEY": _KEYS,
    "VERIFYING_KEY": _KEYS,
    "JWK_URL": "Access tokens of other issuers are not accepted.",
    "JSON_ENCODER": "Claims are what JSON has; SessionPolicy.access_token_claims converts them.",
    "AUTH_HEADER_TYPES": _BEARER,
    "AUTH_HEADER_NAME": _BEARER,
    "USER_ID_CLAIM": _CLAIM,
    "JTI_CLAIM": _CLAIM,
    "TOKEN_TYPE_CLAIM": _CLAIM,
    "USER_AUTHENTICATION_RULE": _ONLY_ACTIVE,
    "CHECK_USER_IS_ACTIVE": _ONLY_ACTIVE,
    "CHECK_REVOKE_TOKEN": _REVOKES,
    "REVOKE_TOKEN_CLAIM": _REVOKES,
    "ON_LOGIN_SUCCESS": _SIGNALS,
    "ON_LOGIN_FAILED": _SIGNALS,
    "TOKEN_OBTAIN_SERIALIZER": "LOGIN_SERIALIZER takes its place.",
    "TOKEN_REFRESH_SERIALIZER": _NOTHING,
    "TOKEN_VERIFY_SERIALIZER": _NOTHING,
    "TOKEN_BLACKLIST_SERIALIZER": _NOTHING,
    "AUTH_TOKEN_CLASSES": _NOTHING,
    "TOKEN_USER_CLASS": "ACCESS_TOKEN_CHECK = 'stateless' takes its place.",
    "SLIDING_TOKEN_LIFETIME": _POLICY,
    "SLIDING_TOKEN_REFRESH_LIFETIME": _POLICY,
    "SLIDING_TOKEN_REFRESH_EXP_CLAIM": _POLICY,
    "SLIDING_TOKEN_OBTAIN_SERIALIZER": "LOGIN_SERIALIZER takes its place.",
    "SLIDING_TOKEN_REFRESH_SERIALIZER": _NOTHING,
}

_KNOX: Final[Mapping[str, str]] = {
    "TOKEN_TTL": "SESSION_LIFETIME takes its place, and ACCESS_TOKEN_LIFETIME for calls.",
    "AUTO_REFRESH": "REFRESH_TOKEN_LIFETIME, the idle limit, moves with each refresh.",
    "AUTO_REFRESH_MAX_TTL": "SESSION_LIFETIME takes its place.",
    "MIN_REFRESH_INTERVAL": "ACCESS_TOKEN_LIFETIME says how often a client refreshes.",
    "TOKEN_LIMIT_PER_USER": "MAX_SESSIONS_PER_USER takes its place.",
    "USER_SERIALIZER": "SESSION_SERIALIZER takes its place, with a field for the user.",
    "AUTH_HEADER_PREFIX": _BEARER,
    "SECURE_HASH_ALGORITHM": _NOTHING,
    "AUTH_TOKEN_CHARACTER_LENGTH": _NOTHING,
    "EXPIRY_DATETIME_FORMAT": _NOTHING,
    "TOKEN_MODEL": _NOTHING,
    "TOKEN_PREFIX": _NOTHING,
}


def explain_foreign_setting(key: str) -> str | None:
    """Say whose setting a key is and what takes its place here, or None if it is of nobody."""
    for package, settings in (("simplejwt", _SIMPLEJWT), ("django-rest-knox", _KNOX)):
        if key.upper() in settings:
            return f"It is a setting of {package}. {settings[key.upper()]}"
    return None
