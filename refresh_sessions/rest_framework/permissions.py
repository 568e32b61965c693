"""Permissions for sensitive actions: require a recent re-authentication (RFC 9470).

They work on any view of a project::

    class DeleteAccount(APIView):
        permission_classes = (RecentlyAuthenticated.within(minutes=5),)

    @api_view(["POST"])
    @recently_authenticated(minutes=5)
    def transfer(request): ...
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import BindingRequiredError
from refresh_sessions.rest_framework.exceptions import AccessTokenRequired, as_api_exceptions
from refresh_sessions.sessions import AccessGrant, read_grant, require_recent_authentication

if TYPE_CHECKING:
    # A circular import: REST framework's views import the permissions of its settings.
    from rest_framework.views import APIView

__all__ = ["RecentlyAuthenticated", "RequireBinding", "recently_authenticated"]

_View = TypeVar("_View", bound=Callable[..., Any])


class RecentlyAuthenticated(BasePermission):
    """Require a recent re-authentication with each kind of factor that the user has.

    Refuses requests without an access token, so ``IsAuthenticated`` is not needed beside it.

    The check reads the database regardless of ``ACCESS_TOKEN_CHECK``; it takes no further query
    if the token check has read the session already. A view can set its own limits with the
    attributes ``reauthentication_max_age`` (timedelta), ``reauthentication_methods`` (collection
    of str, values of RFC 8176) and ``reauthentication_acr_values`` (str).
    """

    max_age: ClassVar[timedelta | None] = None
    """Maximum age of the authentication; None for ``REAUTHENTICATION_MAX_AGE``."""
    methods: ClassVar[Collection[str] | None] = None
    """Required authentication methods (RFC 8176), such as ``("pwd", "otp")``."""
    acr_values: ClassVar[str | None] = None
    """The ``acr_values`` of the challenge (RFC 9470 §3); by default the methods."""

    @staticmethod
    def within(
        *, methods: Collection[str] = (), acr_values: str = "", **duration: float
    ) -> type[RecentlyAuthenticated]:
        """A subclass with its own limits: ``within(minutes=5)``.

        Args:
            methods: required authentication methods, values of RFC 8176.
            acr_values: the ``acr_values`` of the challenge, instead of the methods.
            duration: keyword arguments of ``timedelta`` (seconds, minutes, hours…); without any,
                ``REAUTHENTICATION_MAX_AGE``.

        """
        return _permission(timedelta(**duration) if duration else None, tuple(methods), acr_values)

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return True or raise a 401 with the challenge; returning False would cause a 403.

        Raises:
            APIException: 401 ``not_authenticated`` without an access token of this package, 401
                ``reauthentication_required`` if the authentication is too old or lacks a method.

        """
        if not isinstance(request.auth, AccessGrant):
            raise AccessTokenRequired
        max_age = self._choose("max_age", view)
        methods = self._choose("methods", view) or ()
        acr_values = self._choose("acr_values", view) or " ".join(methods)
        with as_api_exceptions():
            require_recent_authentication(
                read_grant(request.auth, request=request._request),
                request.auth.claims,
                max_age=get_settings().REAUTHENTICATION_MAX_AGE if max_age is None else max_age,
                methods=methods,
                acr_values=acr_values,
            )
        return True

    def _choose(self, name: str, view: APIView) -> Any:
        own = getattr(self, name)
        return getattr(view, f"reauthentication_{name}", None) if own is None else own


class RequireBinding(BasePermission):
    """Require a session that is bound to a key, as with DPoP (RFC 9449).

    A copied refresh token of such a session is useless. The check reads the database regardless of
    ``ACCESS_TOKEN_CHECK``; it takes no further query if the token check has read the session
    already.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return True or raise the error; returning False would give it another code.

        Raises:
            APIException: 401 ``not_authenticated`` without an access token of this package, 403
                ``binding_required`` for a session without a key.

        """
        if not isinstance(request.auth, AccessGrant):
            raise AccessTokenRequired
        with as_api_exceptions():
            if not read_grant(request.auth, request=request._request).binding:
                raise BindingRequiredError
        return True


@lru_cache(maxsize=64)
def _permission(
    max_age: timedelta | None, methods: tuple[str, ...], acr_values: str
) -> type[RecentlyAuthenticated]:
    # Cached, so that equal arguments give the same class: schemas and tests compare classes.
    attributes = {"max_age": max_age, "methods": methods or None, "acr_values": acr_values or None}
    return type("RecentlyAuthenticated", (RecentlyAuthenticated,), attributes)


def recently_authenticated(**limits: Any) -> Callable[[_View], _View]:
    """A decorator for functions below ``@api_view`` and for single methods of a view.

    The check runs inside the function, so ``@permission_classes`` cannot replace it.

    Args:
        limits: the arguments of ``RecentlyAuthenticated.within``.

    Raises:
        TypeError: the function was called without a request of REST framework.

    """
    permission = RecentlyAuthenticated.within(**limits)

    def decorate(function: _View) -> _View:
        if iscoroutinefunction(function):

            @wraps(function)
            async def guarded_coroutine(*args: Any, **kwargs: Any) -> Any:
                await sync_to_async(_check)(permission, function, args)
                return await function(*args, **kwargs)

            return cast("_View", guarded_coroutine)

        @wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            _check(permission, function, args)
            return function(*args, **kwargs)

        return cast("_View", guarded)

    return decorate


def _check(permission: type[RecentlyAuthenticated], function: Any, args: Iterable[Any]) -> None:
    # The request is the first argument of a function and the second of a method.
    request = next((value for value in args if isinstance(value, Request)), None)
    if request is None:
        raise TypeError(
            f"{function.__name__} was called without a request of REST framework: "
            "put @recently_authenticated below @api_view."
        )
    permission().has_permission(request, request.parser_context["view"])
