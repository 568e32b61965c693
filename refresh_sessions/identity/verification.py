"""Verification: check a user's identity with one method of each kind that the user has."""

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
    """The methods of the settings, second factors last.

    Args:
        second_factors_only: only the methods of ``SECOND_FACTORS``, which a login may require.

    """
    settings = get_settings()
    if second_factors_only:
        return _import_methods(settings.SECOND_FACTORS)
    methods = _import_methods((*settings.REAUTHENTICATION_METHODS, *settings.SECOND_FACTORS))
    return sorted(methods, key=lambda method: method.second_factor)


def describe_methods(methods: Iterable[AuthenticationMethod]) -> list[dict[str, str]]:
    """Describe methods for clients, as in ``{"name": "otp", "factor": "second"}``."""
    return [
        {"name": method.name, "factor": "second" if method.second_factor else "first"}
        for method in methods
    ]


def lacks_second_factor(user: AbstractBaseUser, amr: Collection[str]) -> bool:
    """Whether the user has a second factor that an authentication with ``amr`` lacks."""
    second_factors = [method for method in configured_methods() if method.second_factor]
    return next(_missing_factors(second_factors, user, amr), None) is not None


def missing_second_factors(user: AbstractBaseUser, amr: Collection[str]) -> Methods:
    """The second factors that a login with ``amr`` still requires; one of them suffices."""
    return list(_missing_factors(configured_methods(second_factors_only=True), user, amr))


@sensitive_variables()
def verify_identity(
    user: AbstractBaseUser,
    data: Mapping[str, Any],
    request: HttpRequest | None,
    *,
    before: Callable[[], object] = lambda: None,
) -> tuple[str, ...]:
    """Verify the user's identity with one method of each kind that the user has.

    Needs no session. Call it outside of transactions. If the check upgrades the stored password
    hash, ``user`` gets the new hash as well.

    Args:
        user: the user whose identity is verified.
        data: the fields of the request; only those of the methods are read.
        request: the request for the authentication backends, or None.
        before: called before the first check, so as to count attempts.

    Returns:
        The verified methods, as authentication method references of RFC 8176.

    Raises:
        ReauthenticationUnavailableError: the user has none of the configured methods.
        ProofIncompleteError: a kind of factor is missing; no factor was checked.
        ReauthenticationFailedError: a factor is wrong.

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
    """Verify one method of each kind among ``methods``; see ``verify_identity``."""
    data = hide_items(data)
    if not methods:
        raise ReauthenticationUnavailableError
    submitted = [method for method in methods if data.get(method.field) is not None]
    if missing := _find_missing(methods, submitted):
        raise ProofIncompleteError(describe_methods(missing))
    before()
    # In this order, a client without the password can neither consume codes of the second factor
    # nor exhaust its limit.
    for method in sorted(submitted, key=lambda method: method.second_factor):
        if not method.verify(user, data, request):
            _announce_failure(method, user, request)
            raise ReauthenticationFailedError
    return tuple(dict.fromkeys(method.amr for method in submitted))


def _missing_factors(
    second_factors: Methods, user: AbstractBaseUser, amr: Collection[str]
) -> Iterator[AuthenticationMethod]:
    """The second factors of the user, or nothing if ``amr`` satisfies one."""
    if not any(method.is_satisfied_by(amr) for method in second_factors):
        yield from (method for method in second_factors if method.is_available(user))


def _find_missing(methods: Methods, submitted: Methods) -> Methods:
    """The methods of those kinds that no submitted method has."""
    kinds = {method.second_factor for method in submitted}
    return [method for method in methods if method.second_factor not in kinds]


def _announce_failure(
    method: AuthenticationMethod, user: AbstractBaseUser, request: HttpRequest | None
) -> None:
    # So that packages such as django-axes count these failures as well.
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
