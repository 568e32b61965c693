"""A full proof of identity: one method of each kind that the user has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import (
    ProofIncompleteError,
    ReauthenticationFailedError,
    ReauthenticationUnavailableError,
)
from refresh_sessions.identity.backends import add_username_field
from refresh_sessions.identity.methods import AuthenticationMethod
from refresh_sessions.redaction import hide_items

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

Methods = Sequence[AuthenticationMethod]


def available_methods(user: AbstractBaseUser) -> Methods:
    """The configured methods that this user has set up, second factors last."""
    return [method for method in configured_methods() if method.is_available(user)]


def configured_methods(*, second_factors_only: bool = False) -> Methods:
    """All methods that the settings name, second factors last; or what a sign-in may ask for."""
    settings = get_settings()
    if second_factors_only:
        return _import_methods(settings.SECOND_FACTORS)
    methods = _import_methods((*settings.REAUTHENTICATION_METHODS, *settings.SECOND_FACTORS))
    return sorted(methods, key=lambda method: method.second_factor)


def describe_methods(methods: Iterable[AuthenticationMethod]) -> list[dict[str, str]]:
    """Methods for clients: ``{"name": "otp", "factor": "second"}``."""
    return [
        {"name": method.name, "factor": "second" if method.second_factor else "first"}
        for method in methods
    ]


def lacks_second_factor(user: AbstractBaseUser, amr: Collection[str]) -> bool:
    """Whether the user has a second factor, and a proof by these methods went without it."""
    seconds = [method for method in configured_methods() if method.second_factor]
    return next(_missing_factors(seconds, user, amr), None) is not None


def missing_second_factors(user: AbstractBaseUser, amr: Collection[str]) -> Methods:
    """What a sign-in by these methods has to go on with; any one of them will do."""
    return list(_missing_factors(configured_methods(second_factors_only=True), user, amr))


@sensitive_variables()
def verify_identity(
    user: AbstractBaseUser,
    data: Mapping[str, Any],
    request: HttpRequest | None,
    *,
    before: Callable[[], object] = lambda: None,
) -> tuple[str, ...]:
    """Check that whoever sends ``data`` is the user, with one method of each kind they have.

    Opens no transaction and needs no session; call it outside of one. Where the check stores the
    password with a newer hash, ``user`` gets that hash as well.

    Args:
        user: who it should be.
        data: fields by the names of the methods; others are not looked at.
        request: for the authentication backends.
        before: called when it is certain that something will be checked, so to count attempts.

    Returns:
        How identity was proven, in the words of RFC 8176.

    Raises:
        ReauthenticationUnavailableError: the user has none of the configured methods.
        ProofIncompleteError: a kind of factor is missing; nothing has been checked.
        ReauthenticationFailedError: what was sent is wrong.

    """
    data = hide_items(data)
    return verify_methods(available_methods(user), user, data, request, before=before)


@sensitive_variables()
def verify_methods(
    methods: Methods,
    user: AbstractBaseUser,
    data: Mapping[str, Any],
    request: HttpRequest | None,
    *,
    before: Callable[[], object] = lambda: None,
) -> tuple[str, ...]:
    """Check a proof by one method of each kind among ``methods``; see ``verify_identity``."""
    data = hide_items(data)
    if not methods:
        raise ReauthenticationUnavailableError
    presented = [method for method in methods if data.get(method.field) is not None]
    if missing := _missing(methods, presented):
        raise ProofIncompleteError(describe_methods(missing))
    before()
    # One after the other: who does not know the password cannot use up codes of the second
    # factor, nor have its own limit reached.
    for method in sorted(presented, key=lambda method: method.second_factor):
        if not method.verify(user, data, request):
            _announce_failure(method, user, request)
            raise ReauthenticationFailedError
    return tuple(dict.fromkeys(method.amr for method in presented))


def _missing_factors(
    seconds: Methods, user: AbstractBaseUser, amr: Collection[str]
) -> Iterator[AuthenticationMethod]:
    """The second factors that the user has, unless one of them has been shown."""
    if not any(method.is_satisfied_by(amr) for method in seconds):
        yield from (method for method in seconds if method.is_available(user))


def _missing(methods: Methods, presented: Methods) -> Methods:
    kinds = {method.second_factor for method in presented}
    return [method for method in methods if method.second_factor not in kinds]


def _announce_failure(
    method: AuthenticationMethod, user: AbstractBaseUser, request: HttpRequest | None
) -> None:
    # Those who count failed sign-ins (django-axes and others) count these as well.
    if not method.announces_failure():
        user_login_failed.send_robust(
            sender=f"{type(method).__module__}.{type(method).__qualname__}",
            credentials=add_username_field({"username": user.get_username()}),
            request=request,
        )


@lru_cache(maxsize=8)
def _import_methods(paths: tuple[str, ...]) -> tuple[AuthenticationMethod, ...]:
    """One instance of each class, in the order of the setting."""
    return tuple(import_string(path)() for path in dict.fromkeys(paths))
