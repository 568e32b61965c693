"""Sensitive actions: for those alone who proved who they are a short while ago (RFC 9470).

Works on any view of a project::

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
from refresh_sessions.rest_framework.exceptions import AccessTokenRequired, as_api_exceptions
from refresh_sessions.sessions import AccessGrant, read_grant, require_recent_authentication

if TYPE_CHECKING:
    # REST framework's views import the permissions that its settings name, and this one may be.
    from rest_framework.views import APIView

_View = TypeVar("_View", bound=Callable[..., Any])


class RecentlyAuthenticated(BasePermission):
    """The user's proof of identity is fresh, and of all kinds of factor that they have.

    Nobody passes who is not signed in, so it needs no ``IsAuthenticated`` beside it.

    The database decides, whatever ``ACCESS_TOKEN_CHECK`` says; where the token has been checked
    against it, without another query. A view says more by attributes of its own:
    ``reauthentication_max_age`` (timedelta), ``reauthentication_methods`` (collection of str, in
    the words of RFC 8176) and ``reauthentication_acr_values`` (str).
    """

    max_age: ClassVar[timedelta | None] = None
    """How old the proof may be; None for ``REAUTHENTICATION_MAX_AGE``."""
    methods: ClassVar[Collection[str] | None] = None
    """What it has to be made of, such as ``("pwd", "otp")``."""
    acr_values: ClassVar[str | None] = None
    """What the challenge asks for; by default the methods, if there are any."""

    @staticmethod
    def within(
        *, methods: Collection[str] = (), acr_values: str = "", **duration: float
    ) -> type[RecentlyAuthenticated]:
        """The permission with a maximum age of its own: ``within(minutes=5)``.

        Args:
            methods: what the proof has to be made of, in the words of RFC 8176.
            acr_values: what the challenge asks for instead.
            duration: as ``timedelta`` takes it (seconds, minutes, hours…); none for the setting.

        """
        return _permission(timedelta(**duration) if duration else None, tuple(methods), acr_values)

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Let pass, or raise the challenge: False would become a 403.

        Raises:
            APIException: 401 ``not_authenticated`` without an access token of ours, 401
                ``reauthentication_required`` where the proof is too old or not enough.

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


@lru_cache(maxsize=64)
def _permission(
    max_age: timedelta | None, methods: tuple[str, ...], acr_values: str
) -> type[RecentlyAuthenticated]:
    # Kept, so that the same words give the same class: schemas and tests compare them.
    attributes = {"max_age": max_age, "methods": methods or None, "acr_values": acr_values or None}
    return type("RecentlyAuthenticated", (RecentlyAuthenticated,), attributes)


def recently_authenticated(**limits: Any) -> Callable[[_View], _View]:
    """For functions below ``@api_view`` and for single methods of a view.

    The check is part of the function, so no ``@permission_classes`` beside it can replace it.

    Args:
        limits: as for ``RecentlyAuthenticated.within``.

    Raises:
        TypeError: it stands where no request of REST framework arrives.

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
    # A function is called with the request, a method with its view before that.
    request = next((value for value in args if isinstance(value, Request)), None)
    if request is None:
        raise TypeError(
            f"{function.__name__} was called without a request of REST framework: "
            "@recently_authenticated stands below @api_view."
        )
    permission().has_permission(request, request.parser_context["view"])
