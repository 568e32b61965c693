"""Each endpoint in the words of OpenAPI: what it takes, and every status it may answer with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.utils.module_loading import import_string
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema_view,
)
from rest_framework.authentication import BasicAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.views import APIView

from refresh_sessions.conf import get_settings
from refresh_sessions.rest_framework import views
from refresh_sessions.rest_framework.authentication import AccessTokenAuthentication
from refresh_sessions.rest_framework.schema import shapes
from refresh_sessions.rest_framework.schema.wording import (
    companion_cookie,
    operation,
    presented_token,
    refresh_cookie,
)
from refresh_sessions.rest_framework.views.base import OwnSessionsView
from refresh_sessions.sessions.listing import LISTED

_UNCHANGED: Final = OpenApiResponse(description="As the `ETag` that was sent.")
_DONE: Final = OpenApiResponse(description="Done.")

_Operations = Mapping[str, Callable[[Any], Any]]


def described(view: type[APIView]) -> type[APIView]:
    """A subclass of a view of ours that drf-spectacular can read.

    A project's own view that has no more of ours than the base describes itself.
    """
    known = next((ours for ours in _OPERATIONS if issubclass(view, ours)), None)
    if known is None:
        return view
    attributes = {"__doc__": view.__doc__, **_authentication(known)}
    subclass = type(view.__name__, (view,), attributes)
    return extend_schema_view(**_OPERATIONS[known]())(subclass)


def _authentication(view: type[APIView]) -> Mapping[str, Any]:
    """What drf-spectacular does not see, where a view looks at credentials by itself."""
    if view is views.IntrospectView:
        return {
            "authentication_classes": (BasicAuthentication,),
            "permission_classes": (IsAuthenticated,),
        }
    if view is views.LogoutView or issubclass(view, OwnSessionsView):
        return {"authentication_classes": (AccessTokenAuthentication,)}
    return {}


def _login() -> _Operations:
    return {
        "post": operation(
            "Sign in: starts a session on this device. 401 `mfa_required` has a `ticket` for the "
            "second step.",
            request=import_string(get_settings().LOGIN_SERIALIZER),
            answers={200: shapes.SessionSignedInSerializer},
            failures=(401, 403, 429, 503),
            parameters=refresh_cookie(required=False),
        )
    }


def _verify() -> _Operations:
    return {
        "post": operation(
            "The second step of a sign-in, with one of the `methods` that the first one named.",
            request=shapes.SessionSecondStepSerializer,
            answers={200: shapes.SessionSignedInSerializer},
            failures=(401, 403, 429, 503),
            parameters=refresh_cookie(required=False),
        )
    }


def _refresh() -> _Operations:
    return {
        "post": operation(
            "Exchange the refresh token. Store `refresh` only when the answer has one.",
            request=presented_token(shapes.SessionRefreshSerializer),
            answers={200: shapes.SessionRefreshedSerializer},
            failures=(400, 401, 403, 409, 415, 429, 503),
            parameters=[*refresh_cookie(required=True), *companion_cookie()],
        )
    }


def _logout() -> _Operations:
    return {
        "post": operation(
            "End this session: that of the refresh token, or of the access token where there is "
            "none. Expired ones will do, and twice is fine.",
            request=presented_token(shapes.SessionLogoutSerializer),
            answers={204: _DONE},
            failures=(400, 401, 415, 503),
            parameters=refresh_cookie(required=False),
        )
    }


def _reauthenticate() -> _Operations:
    return {
        "get": operation(
            "Would a sensitive action be allowed now?",
            answers={200: shapes.SessionFreshnessSerializer},
            failures=(401, 503),
        ),
        "post": operation(
            "Prove identity once more, by one method of each kind that the user has.",
            request=shapes.SessionProofSerializer,
            answers={200: shapes.SessionSteppedUpSerializer},
            failures=(401, 403, 429, 503),
        ),
    }


def _session_list() -> _Operations:
    return {
        "get": operation(
            f"Where the user is signed in: this session first, then the last used first, {LISTED} "
            "at most.",
            answers={200: import_string(get_settings().SESSION_SERIALIZER)(many=True)},
            failures=(401, 503),
        )
    }


def _session_detail() -> _Operations:
    serializer = import_string(get_settings().SESSION_SERIALIZER)
    where = [OpenApiParameter("session_id", OpenApiTypes.UUID, OpenApiParameter.PATH)]
    return {
        "get": operation(
            "One device.", answers={200: serializer}, failures=(401, 404, 503), parameters=where
        ),
        "patch": operation(
            "Rename a device.",
            request=serializer,
            answers={200: serializer},
            failures=(401, 404, 503),
            parameters=where,
        ),
        "delete": operation(
            "Sign a device out. Another than this one takes a fresh proof of identity.",
            answers={204: _DONE},
            failures=(401, 404, 503),
            parameters=where,
        ),
    }


def _open_family() -> _Operations:
    return {
        "post": operation(
            "Open a token family for a second process of this device. Takes the newest refresh "
            "token and a recent re-authentication; store the tokens of `current` in its place.",
            request=presented_token(shapes.SessionRefreshSerializer),
            answers={201: shapes.SessionFamilyOpenedSerializer},
            failures=(400, 401, 403, 409, 503),
        )
    }


def _revoke_sessions(description: str) -> Callable[[], _Operations]:
    return lambda: {
        "post": operation(
            f"{description} Takes a fresh proof of identity.",
            answers={200: shapes.SessionsRevokedSerializer},
            failures=(401, 503),
        )
    }


def _jwks() -> _Operations:
    return {
        "get": operation(
            "The public keys for access tokens (RFC 7517); 404 while all keys are symmetric.",
            answers={200: shapes.SessionKeysSerializer, 304: _UNCHANGED},
            failures=(404,),
        )
    }


def _introspect() -> _Operations:
    return {
        "post": operation(
            "For other services: would this token be accepted now? (RFC 7662)",
            request=shapes.SessionTokenSerializer,
            answers={200: shapes.SessionIntrospectionSerializer},
            failures=(401, 404, 503),
        )
    }


def _revoke() -> _Operations:
    return {
        "post": operation(
            "End the session of a token of either kind (RFC 7009).",
            request=shapes.SessionTokenSerializer,
            answers={200: _DONE},
            failures=(503,),
        )
    }


_OPERATIONS: Final[Mapping[type[APIView], Callable[[], _Operations]]] = {
    views.LoginView: _login,
    views.VerifyView: _verify,
    views.RefreshView: _refresh,
    views.LogoutView: _logout,
    views.ReauthenticateView: _reauthenticate,
    views.SessionListView: _session_list,
    views.SessionDetailView: _session_detail,
    views.OpenFamilyView: _open_family,
    views.RevokeOthersView: _revoke_sessions("Sign out everywhere else."),
    views.RevokeAllView: _revoke_sessions("Sign out everywhere, here too."),
    views.JWKSView: _jwks,
    views.IntrospectView: _introspect,
    views.RevokeView: _revoke,
}
