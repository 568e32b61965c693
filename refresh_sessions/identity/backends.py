"""Authentication backends: Django's ``authenticate`` with the keywords of each backend."""

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

# Django's function, so that receivers of user_login_failed get credentials masked as usual.
_clean_credentials: Final[Any] = auth._clean_credentials  # type: ignore[attr-defined]  # noqa: SLF001
_signature: Final[Any] = getattr(django_inspect, "signature", inspect.signature)
"""``inspect.signature``, or that of Django 6.1 and later, which does not evaluate annotations."""


@sensitive_variables()
def authenticate_with_backends(request: HttpRequest | None, credentials: Mapping[str, Any]) -> Any:
    """Authenticate like Django's ``authenticate``, with two differences.

    First, a backend with a parameter named after ``USERNAME_FIELD`` gets the user name under that
    name; under ``username`` only if it also has that parameter. Django would skip such a backend.
    Second, a name that the column of ``USERNAME_FIELD`` cannot hold is an unknown name. Django
    would raise a database error.

    Args:
        request: the request for the backends, or None.
        credentials: the credentials, with the user name as ``username``.

    Returns:
        The user, or None if no backend accepts the credentials.

    """
    backends = zip(settings.AUTHENTICATION_BACKENDS, auth.get_backends(), strict=True)
    for path, backend in backends:
        keywords = _get_keywords(backend, request, credentials)
        if keywords is None:
            continue
        try:
            user = _authenticate(backend, request, keywords)
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
    """Add the user name under the name of ``USERNAME_FIELD``, beside ``username``.

    Receivers of ``user_login_failed`` read either name.
    """
    if "username" not in credentials:
        return dict(credentials)
    return {username_field().name: credentials["username"], **credentials}


@sensitive_variables()
def _get_keywords(
    backend: Any, request: HttpRequest | None, credentials: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The credentials under the parameter names of the backend, or None if they do not match."""
    signature = _signature(backend.authenticate)
    keywords = dict(credentials)
    if username_field().name in signature.parameters:
        keywords = add_username_field(credentials)
        # Backends may pass **kwargs on together with an explicit "username".
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
        # As in Django's ModelBackend: response times must not reveal unknown names.
        auth.get_user_model()().set_password(credentials.get("password"))
        return None
