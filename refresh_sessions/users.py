"""Users: claim ``sub``, digests of the password, and lookup by subject."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import FieldDoesNotExist
from django.utils.crypto import constant_time_compare

from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.lazy_users import LazyUser
from refresh_sessions.lookups import InvalidValueError, convert_value, find_by_value

ProjectUser: TypeAlias = Any
"""The type of users in hooks that projects override.

With ``AbstractBaseUser``, strict type checkers would reject overrides with ``user: User``.
"""


FINGERPRINT_LENGTH: Final = 16
"""Hexadecimal digits: enough to detect a change, too few to identify a password."""


def get_subject(user: AbstractBaseUser) -> str:
    """The claim ``sub``: stable and never reassigned, so not an email address (ASVS 10.3.3)."""
    return str(getattr(user, get_settings().USER_ID_FIELD))


def get_auth_hash(user: AbstractBaseUser) -> str:
    """The digest of the user's session hash, which changes with the password."""
    return _digest(user.get_session_auth_hash())


def auth_hash_is_valid(user: AbstractBaseUser, digest: str) -> bool:
    """Whether the password is still that of the login, also with ``SECRET_KEY_FALLBACKS``."""
    return any(constant_time_compare(valid, digest) for valid in valid_auth_hashes(user))


def auth_hash_follows_password(model: type[Any]) -> bool:
    """Whether the session hash of a user model depends on the column ``password`` alone.

    True for Django's own ``get_session_auth_hash``. Only then can SQL detect a password change.
    """
    own = model.get_session_auth_hash is AbstractBaseUser.get_session_auth_hash
    return own and _has_column(model, "password")


def is_active_is_column(model: type[Any]) -> bool:
    """Whether ``is_active`` of a user model is a column; it may be computed or constant."""
    return _has_column(model, "is_active")


def get_password_fingerprint(user: AbstractBaseUser) -> str:
    """The digest that SQL compares with the column ``password``.

    Empty where the session hash does not depend on that column alone.
    """
    # The user model decides, whatever the class of the object.
    if not auth_hash_follows_password(get_user_model()):
        return ""
    return _digest(user.password)[:FINGERPRINT_LENGTH]


def is_active(user: AbstractBaseUser) -> bool:
    """Whether the account is active; ``account_access.may_continue`` adds backends and policy."""
    return bool(getattr(user, "is_active", True))


def get_user_by_subject(
    subject: str, *, using: str, accepts: Callable[[AbstractBaseUser], bool]
) -> AbstractBaseUser:
    """The user with a subject; lazy where ``USER_ID_FIELD`` is the primary key.

    Args:
        subject: the claim ``sub``.
        using: the alias of the database.
        accepts: whether the loaded user may continue.

    Raises:
        ObjectDoesNotExist: the field ``USER_ID_FIELD`` cannot hold the value, or it is not the
            primary key and no user has the value.
        InvalidTokenError: ``USER_ID_FIELD`` is not the primary key, and ``accepts`` is false.

    """
    model: Any = get_user_model()
    field = _get_subject_field()
    with find_by_value(field, subject, using=using):
        if field.primary_key:
            lazy: Any = LazyUser(model, field.to_python(subject), using=using, accepts=accepts)
            return cast("AbstractBaseUser", lazy)
        user: AbstractBaseUser = model._default_manager.using(using).get(
            **{get_settings().USER_ID_FIELD: subject}
        )
    if not accepts(user):
        raise InvalidTokenError
    return user


def get_user_key(subject: str) -> Any:
    """The primary key of the user with a subject.

    None if ``USER_ID_FIELD`` is another field, or if the primary key cannot have the value.
    """
    field = _get_subject_field()
    if not field.primary_key:
        return None
    try:
        return convert_value(field, subject)
    except InvalidValueError:
        return None


def subject_is_primary_key() -> bool:
    """Whether ``USER_ID_FIELD`` is the primary key, so that a subject needs no query."""
    return bool(_get_subject_field().primary_key)


def valid_auth_hashes(user: Any) -> Iterable[str]:
    """The digests that match the present password, one for each key in use.

    The keys are ``SECRET_KEY`` and ``SECRET_KEY_FALLBACKS``.
    """
    yield get_auth_hash(user)
    for fallback in user.get_session_auth_fallback_hash():
        yield _digest(fallback)


def _get_subject_field() -> Any:
    """The field of the user model that ``USER_ID_FIELD`` names."""
    model: Any = get_user_model()
    name = get_settings().USER_ID_FIELD
    return model._meta.pk if name == "pk" else model._meta.get_field(name)


def _has_column(model: type[Any], name: str) -> bool:
    try:
        return bool(model._meta.get_field(name).concrete)
    except FieldDoesNotExist:
        return False


def _digest(auth_hash: str) -> str:
    return hashlib.sha256(auth_hash.encode()).hexdigest()
