"""Django's authentication backends, each asked with the keywords that it has."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import PermissionDenied
from django.db import router
from django.utils import inspect as django_inspect
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.lookups import InvalidValueError, find_by_value, username_field

if TYPE_CHECKING:
    from django.http import HttpRequest

# Django's own, so that receivers of user_login_failed get what Django masks for them.
_clean_credentials: Final[Any] = auth._clean_credentials  # type: ignore[attr-defined]  # noqa: SLF001
_signature: Final[Any] = getattr(django_inspect, "signature", inspect.signature)
"""Django 6.1 and later have one that leaves annotations alone, which Python 3.14 evaluates."""


@sensitive_variables()
def authenticate_with_backends(request: HttpRequest | None, credentials: Mapping[str, Any]) -> Any:
    """Do what Django's ``authenticate`` does, with two differences.

    A backend whose signature names a parameter after ``USERNAME_FIELD`` gets the user name there
    as well as under ``username``, or there alone if it names no ``username``: Django would pass
    that backend over. And a name that the column of ``USERNAME_FIELD`` cannot hold is a name that
    nobody has; Django would raise the error of the database.

    Returns:
        The user, or None if no backend accepts the credentials.

    """
    backends = zip(settings.AUTHENTICATION_BACKENDS, auth.get_backends(), strict=True)
    for path, backend in backends:
        accepted = _keywords_for(backend, request, credentials)
        if accepted is None:
            continue
        try:
            user = _authenticate(backend, request, accepted)
        except PermissionDenied:
            break
        if user is not None:
            user.backend = path
            return user
    user_login_failed.send(
        sender=auth.__name__,
        credentials=_clean_credentials(add_username_field(credentials)),
        request=request,
    )
    return None


def add_username_field(credentials: Mapping[str, Any]) -> dict[str, Any]:
    """The user name under both of its names: receivers of ``user_login_failed`` read either."""
    if "username" not in credentials:
        return dict(credentials)
    return {username_field().name: credentials["username"], **credentials}


@sensitive_variables()
def _keywords_for(
    backend: Any, request: HttpRequest | None, credentials: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The credentials by the names of the backend's parameters; None if it takes others."""
    signature = _signature(backend.authenticate)
    keywords = dict(credentials)
    if username_field().name in signature.parameters:
        keywords = add_username_field(credentials)
        # Backends hand their **kwargs on, next to a "username" of their own.
        if "username" not in signature.parameters:
            keywords.pop("username", None)
    try:
        signature.bind(request, **keywords)
    except TypeError:
        return None
    return keywords


@sensitive_variables()
def _authenticate(
    backend: Any, request: HttpRequest | None, credentials: Mapping[str, Any]
) -> Any:
    field = username_field()
    name = credentials.get("username", credentials.get(field.name))
    try:
        with find_by_value(field, name, using=router.db_for_read(field.model)):
            return backend.authenticate(request, **credentials)
    except InvalidValueError:
        # As Django's ModelBackend does for unknown names: the time must not tell them apart.
        auth.get_user_model()().set_password(credentials.get("password"))
        return None
