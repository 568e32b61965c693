"""OpenAPI operations of the endpoints: parameters, bodies and all statuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.utils.module_loading import import_string
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema_view
from rest_framework.authentication import BasicAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.views import APIView

from refresh_sessions.conf import get_settings
from refresh_sessions.rest_framework import views
from refresh_sessions.rest_framework.authentication import AccessTokenAuthentication
from refresh_sessions.rest_framework.schema import serializers
from refresh_sessions.rest_framework.schema.operation import (
    companion_cookie,
    describe_transport,
    operation,
    presented_token,
    refresh_cookie,
)
from refresh_sessions.rest_framework.schema.proofs import are_access_tokens_bound
from refresh_sessions.rest_framework.views.base import OwnSessionsView
from refresh_sessions.sessions.queries import LISTED

_NOT_MODIFIED: Final = OpenApiResponse(description="The keys still match the `ETag`.")

_DONE: Final = OpenApiResponse(description="Done.")

_Operations = Mapping[str, Callable[[Any], Any]]


def describe_view(view: type[APIView]) -> type[APIView]:
    """A subclass of ``view`` with described operations.

    A project's view that only derives from ``SessionsAPIView`` is returned unchanged.
    """
    endpoint = next((known for known in _OPERATIONS if issubclass(view, known)), None)
    if endpoint is None:
        return view
    attributes = {"__doc__": view.__doc__, **_authentication(endpoint)}
    subclass = type(view.__name__, (view,), attributes)
    with describe_transport(getattr(view, "transport", None)):
        return extend_schema_view(**_OPERATIONS[endpoint]())(subclass)


def _authentication(view: type[APIView]) -> Mapping[str, Any]:
    """Authentication attributes of a view that reads its credentials itself."""
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
            "Log in: starts a session on this device. A 401 `mfa_required` contains a `ticket` "
            "for the second step.",
            request=import_string(get_settings().LOGIN_SERIALIZER),
            answers={200: serializers.SessionSignedInSerializer},
            failures=(401, 403, 429, 503),
            parameters=refresh_cookie(required=False),
            takes_proof=True,
        )
    }


def _verify() -> _Operations:
    return {
        "post": operation(
            "The second step of a login, with one of the `methods` of the first step's answer.",
            request=serializers.SessionSecondStepSerializer,
            answers={200: serializers.SessionSignedInSerializer},
            failures=(401, 403, 429, 503),
            parameters=refresh_cookie(required=False),
            takes_proof=True,
        )
    }


def _refresh() -> _Operations:
    return {
        "post": operation(
            "Exchange the refresh token. Store `refresh` only if the answer contains it.",
            request=presented_token(serializers.SessionRefreshSerializer),
            answers={200: serializers.SessionRefreshedSerializer},
            failures=(400, 401, 403, 409, 415, 429, 503),
            parameters=[*refresh_cookie(required=True), *companion_cookie()],
            takes_proof=True,
        )
    }


def _logout() -> _Operations:
    return {
        "post": operation(
            "Log out: revokes the session of the refresh token, or of the access token without "
            "one. Accepts expired tokens and repeated requests.",
            request=presented_token(serializers.SessionLogoutSerializer),
            answers={204: _DONE},
            failures=(400, 401, 415, 503),
            parameters=refresh_cookie(required=False),
            takes_proof=True,
        )
    }


def _reauthenticate() -> _Operations:
    return {
        "get": operation(
            "Whether a sensitive action requires a re-authentication now.",
            answers={200: serializers.SessionFreshnessSerializer},
            failures=(401, 503),
            takes_proof=are_access_tokens_bound(),
        ),
        "post": operation(
            "Re-authenticate, with one method of each kind of factor that the user has.",
            request=serializers.SessionReauthenticationSerializer,
            answers={200: serializers.SessionSteppedUpSerializer},
            failures=(401, 403, 429, 503),
            takes_proof=True,
        ),
    }


def _session_list() -> _Operations:
    return {
        "get": operation(
            "The active sessions of the user: this session first, then the most recently used, "
            f"at most {LISTED}.",
            answers={200: import_string(get_settings().SESSION_SERIALIZER)(many=True)},
            failures=(401, 503),
            takes_proof=are_access_tokens_bound(),
        )
    }


def _session_detail() -> _Operations:
    serializer = import_string(get_settings().SESSION_SERIALIZER)
    where = [OpenApiParameter("session_id", OpenApiTypes.UUID, OpenApiParameter.PATH)]
    return {
        "get": operation(
            "One session.",
            answers={200: serializer},
            failures=(401, 404, 503),
            parameters=where,
            takes_proof=are_access_tokens_bound(),
        ),
        "patch": operation(
            "Rename the device of a session.",
            request=serializer,
            answers={200: serializer},
            failures=(401, 404, 503),
            parameters=where,
            takes_proof=are_access_tokens_bound(),
        ),
        "delete": operation(
            "Revoke a session. A session other than this one requires a recent re-authentication.",
            answers={204: _DONE},
            failures=(401, 404, 503),
            parameters=where,
            takes_proof=are_access_tokens_bound(),
        ),
    }


def _open_family() -> _Operations:
    return {
        "post": operation(
            "Open a token family for a second process of this device. Requires the newest refresh "
            "token and a recent re-authentication. Replace that token with the tokens in "
            "`current`.",
            request=presented_token(serializers.SessionFamilyOpeningSerializer),
            answers={201: serializers.SessionFamilyOpenedSerializer},
            failures=(400, 401, 403, 409, 503),
            takes_proof=True,
        )
    }


def _revoke_sessions(description: str) -> Callable[[], _Operations]:
    return lambda: {
        "post": operation(
            f"{description} Requires a recent re-authentication.",
            answers={200: serializers.SessionsRevokedSerializer},
            failures=(401, 503),
            takes_proof=are_access_tokens_bound(),
        )
    }


def _device_header(name: str, *, required: bool) -> OpenApiParameter:
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, required=required, description="A quoted string."
    )


def _device_register() -> _Operations:
    return {
        "post": operation(
            "For browsers with Device Bound Session Credentials, which send this request "
            "themselves after a login: binds the session to a key of the device. 404 without "
            "`DEVICE_BOUND_SESSIONS`.",
            answers={200: serializers.SessionDeviceInstructionsSerializer},
            failures=(401, 403, 404, 503),
            parameters=[
                *refresh_cookie(required=True),
                _device_header("Secure-Session-Response", required=True),
            ],
        )
    }


def _device_refresh() -> _Operations:
    return {
        "post": operation(
            "For browsers with Device Bound Session Credentials, which send this request "
            "themselves: a new bound cookie for a proof of the device's key. 403 "
            "`device_challenge_required`: sign the challenge of `Secure-Session-Challenge`.",
            answers={200: serializers.SessionDeviceInstructionsSerializer},
            failures=(403, 404, 503),
            parameters=[
                *refresh_cookie(required=False),
                _device_header("Sec-Secure-Session-Id", required=True),
                _device_header("Secure-Session-Response", required=False),
            ],
        )
    }


def _jwks() -> _Operations:
    return {
        "get": operation(
            "The public keys of access tokens (RFC 7517); 404 while all keys are symmetric.",
            answers={200: serializers.SessionKeysSerializer, 304: _NOT_MODIFIED},
            failures=(404,),
        )
    }


def _introspect() -> _Operations:
    return {
        "post": operation(
            "Whether a token is accepted now, for other services (RFC 7662).",
            request=serializers.SessionTokenSerializer,
            answers={200: serializers.SessionIntrospectionSerializer},
            failures=(401, 404, 503),
        )
    }


def _revoke() -> _Operations:
    return {
        "post": operation(
            "Revoke the session of an access token or refresh token (RFC 7009).",
            request=serializers.SessionTokenSerializer,
            answers={200: _DONE},
            failures=(401, 503),
            takes_proof=True,
        )
    }


def _token() -> _Operations:
    return {
        "post": operation(
            "Exchange the refresh token, for OAuth libraries (RFC 6749 §6). A token that cannot "
            "be used is a 400 with the `error` `invalid_grant`. After `temporarily_unavailable`, "
            "keep the token and try again.",
            request=serializers.SessionGrantSerializer,
            answers={200: serializers.SessionGrantedSerializer},
            failures=(400, 409, 415, 429, 503),
            parameters=companion_cookie(),
            takes_proof=True,
        )
    }


_OPERATIONS: Final[Mapping[type[APIView], Callable[[], _Operations]]] = {
    views.LoginView: _login,
    views.VerifyView: _verify,
    # Before RefreshView, its base class.
    views.TokenView: _token,
    views.RefreshView: _refresh,
    views.LogoutView: _logout,
    views.ReauthenticateView: _reauthenticate,
    views.SessionListView: _session_list,
    views.SessionDetailView: _session_detail,
    views.OpenFamilyView: _open_family,
    views.RevokeOthersView: _revoke_sessions("Revoke all other sessions of the user."),
    views.RevokeAllView: _revoke_sessions("Revoke all sessions of the user, this one included."),
    views.DeviceRegisterView: _device_register,
    views.DeviceRefreshView: _device_refresh,
    views.JWKSView: _jwks,
    views.IntrospectView: _introspect,
    views.RevokeView: _revoke,
}
