"""Settings of other packages, with their replacement in this package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_KEYS: Final = "Use KEYS instead; without it keys are derived from SECRET_KEY."
_ALWAYS_ROTATES: Final = "Each refresh token is rotated, and reuse of an old token is detected."
_BEARER: Final = "Access tokens are sent as 'Authorization: Bearer …'."
_POLICY: Final = "SESSION_LIFETIME and REFRESH_TOKEN_LIFETIME limit a session."
_ONLY_ACTIVE: Final = "Only active users can log in; an authentication backend can refuse more."
_CLAIM: Final = "Access tokens have the claims of RFC 9068: 'sub', 'jti' and the header 'typ'."
_REVOKES: Final = "A password change always revokes the user's sessions."
_SIGNALS: Final = "Use Django's signals user_logged_in and user_login_failed instead."
_NOTHING: Final = "It has no replacement; see docs/migrating.md."

_SIMPLEJWT: Final[Mapping[str, str]] = {
    "ROTATE_REFRESH_TOKENS": _ALWAYS_ROTATES,
    "BLACKLIST_AFTER_ROTATION": _ALWAYS_ROTATES,
    "UPDATE_LAST_LOGIN": "A login always sets last_login.",
    "ALGORITHM": _KEYS,
    "SIGNING_KEY": _KEYS,
    "VERIFYING_KEY": _KEYS,
    "JWK_URL": "Access tokens of other issuers are not accepted.",
    "JSON_ENCODER": "Convert claims to JSON values in SessionPolicy.access_token_claims.",
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
    "TOKEN_OBTAIN_SERIALIZER": "Use LOGIN_SERIALIZER instead.",
    "TOKEN_REFRESH_SERIALIZER": _NOTHING,
    "TOKEN_VERIFY_SERIALIZER": _NOTHING,
    "TOKEN_BLACKLIST_SERIALIZER": _NOTHING,
    "AUTH_TOKEN_CLASSES": _NOTHING,
    "TOKEN_USER_CLASS": "Use ACCESS_TOKEN_CHECK = 'stateless' instead.",
    "SLIDING_TOKEN_LIFETIME": _POLICY,
    "SLIDING_TOKEN_REFRESH_LIFETIME": _POLICY,
    "SLIDING_TOKEN_REFRESH_EXP_CLAIM": _POLICY,
    "SLIDING_TOKEN_OBTAIN_SERIALIZER": "Use LOGIN_SERIALIZER instead.",
    "SLIDING_TOKEN_REFRESH_SERIALIZER": _NOTHING,
}

_KNOX: Final[Mapping[str, str]] = {
    "TOKEN_TTL": "Use SESSION_LIFETIME for sessions and ACCESS_TOKEN_LIFETIME for access tokens.",
    "AUTO_REFRESH": "Each refresh restarts the idle limit REFRESH_TOKEN_LIFETIME.",
    "AUTO_REFRESH_MAX_TTL": "Use SESSION_LIFETIME instead.",
    "MIN_REFRESH_INTERVAL": "ACCESS_TOKEN_LIFETIME determines how often a client refreshes.",
    "TOKEN_LIMIT_PER_USER": "Use MAX_SESSIONS_PER_USER instead.",
    "USER_SERIALIZER": "Use SESSION_SERIALIZER with a field for the user instead.",
    "AUTH_HEADER_PREFIX": _BEARER,
    "SECURE_HASH_ALGORITHM": _NOTHING,
    "AUTH_TOKEN_CHARACTER_LENGTH": _NOTHING,
    "EXPIRY_DATETIME_FORMAT": _NOTHING,
    "TOKEN_MODEL": _NOTHING,
    "TOKEN_PREFIX": _NOTHING,
}


def explain_foreign_setting(key: str) -> str | None:
    """Name the package of a setting and the replacement; None for an unknown setting."""
    for package, settings in (("simplejwt", _SIMPLEJWT), ("django-rest-knox", _KNOX)):
        if key.upper() in settings:
            return f"It is a setting of {package}. {settings[key.upper()]}"
    return None
