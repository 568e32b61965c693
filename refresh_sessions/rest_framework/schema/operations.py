"""Operations of the endpoints in OpenAPI: parameters, bodies and every status."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from django.utils.module_loading import import_string
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)
from rest_framework.authentication import BasicAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.views import APIView

from refresh_sessions.conf import get_settings
from refresh_sessions.rest_framework import views
from refresh_sessions.rest_framework.authentication import AccessTokenAuthentication
from refresh_sessions.rest_framework.schema import serializers
from refresh_sessions.rest_framework.views.base import OwnSessionsView
from refresh_sessions.sessions.queries import LISTED
from refresh_sessions.transports import get_transport

_REASONS: Final[Mapping[int, str]] = {
    400: "The body cannot be read, or `errors` names its faults.",
    401: "Refused, see `code`.",
    403: "Refused, see `code`.",
    404: "There is no such thing.",
    409: "`refresh_superseded`: a sibling has stored a newer token.",
    413: "`body_too_large`: the body has more than 131072 bytes.",
    415: "The body is not JSON in UTF-8.",
    429: "`throttled`: come back later. The token is not consumed.",
    503: "`database_busy`, `throttle_unavailable`: come back soon. The token is not consumed.",
}

_WAITING: Final = (429, 503)


def operation(
    description: str,
    *,
    request: Any = None,
    answers: Mapping[int, Any],
    failures: Iterable[int],
    parameters: Iterable[OpenApiParameter] = (),
) -> Callable[[Any], Any]:
    """A decorator for the method of a view, as ``extend_schema`` makes it.

    Args:
        description: in Markdown.
        request: serializer of the body, None where there is none.
        answers: by status.
        failures: statuses besides those that all endpoints have.
        parameters: of the path, or cookies.

    """
    failing = sorted({*failures, *_failures_of_all(takes_body=request is not None)})
    problems = {
        status: OpenApiResponse(serializers.SessionProblemSerializer, _REASONS[status])
        for status in failing
    }
    waiting = [status for status in failing if status in _WAITING]
    retry_after = OpenApiParameter(
        "Retry-After", int, OpenApiParameter.HEADER, description="Seconds.", response=waiting
    )
    return extend_schema(
        description=description,
        request=request,
        responses={**answers, **problems},
        parameters=[*parameters, *([retry_after] if waiting else [])],
    )


def _failures_of_all(*, takes_body: bool) -> Iterator[int]:
    yield 413
    if takes_body:
        yield from (400, 415)
    if not get_transport(None).in_body:
        yield 403


def refresh_cookie(*, required: bool) -> Iterator[OpenApiParameter]:
    """The refresh token, where a cookie carries it."""
    if not get_transport(None).in_body:
        name = get_settings().COOKIE_NAME
        yield OpenApiParameter(name, str, OpenApiParameter.COOKIE, required=required)


def companion_cookie() -> Iterator[OpenApiParameter]:
    """The companion cookie, where the refresh token is in the body."""
    if get_transport(None).in_body and get_settings().COMPANION_COOKIE != "off":
        yield OpenApiParameter(
            "__Host-refresh_companion",
            str,
            OpenApiParameter.COOKIE,
            description="As the login has set it; browsers send it by themselves.",
        )


def presented_token(serializer: Any) -> Any:
    """The serializer of a refresh token in the body, None where a cookie carries it."""
    return serializer if get_transport(None).in_body else None


_UNCHANGED: Final = OpenApiResponse(description="As the `ETag` that was sent.")

_DONE: Final = OpenApiResponse(description="Done.")

_Operations = Mapping[str, Callable[[Any], Any]]


def describe_view(view: type[APIView]) -> type[APIView]:
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
            answers={200: serializers.SessionSignedInSerializer},
            failures=(401, 403, 429, 503),
            parameters=refresh_cookie(required=False),
        )
    }


def _verify() -> _Operations:
    return {
        "post": operation(
            "The second step of a sign-in, with one of the `methods` that the first one named.",
            request=serializers.SessionSecondStepSerializer,
            answers={200: serializers.SessionSignedInSerializer},
            failures=(401, 403, 429, 503),
            parameters=refresh_cookie(required=False),
        )
    }


def _refresh() -> _Operations:
    return {
        "post": operation(
            "Exchange the refresh token. Store `refresh` only when the answer has one.",
            request=presented_token(serializers.SessionRefreshSerializer),
            answers={200: serializers.SessionRefreshedSerializer},
            failures=(400, 401, 403, 409, 415, 429, 503),
            parameters=[*refresh_cookie(required=True), *companion_cookie()],
        )
    }


def _logout() -> _Operations:
    return {
        "post": operation(
            "End this session: that of the refresh token, or of the access token where there is "
            "none. Expired ones will do, and twice is fine.",
            request=presented_token(serializers.SessionLogoutSerializer),
            answers={204: _DONE},
            failures=(400, 401, 415, 503),
            parameters=refresh_cookie(required=False),
        )
    }


def _reauthenticate() -> _Operations:
    return {
        "get": operation(
            "Would a sensitive action be allowed now?",
            answers={200: serializers.SessionFreshnessSerializer},
            failures=(401, 503),
        ),
        "post": operation(
            "Prove identity once more, by one method of each kind that the user has.",
            request=serializers.SessionProofSerializer,
            answers={200: serializers.SessionSteppedUpSerializer},
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
            request=presented_token(serializers.SessionRefreshSerializer),
            answers={201: serializers.SessionFamilyOpenedSerializer},
            failures=(400, 401, 403, 409, 503),
        )
    }


def _revoke_sessions(description: str) -> Callable[[], _Operations]:
    return lambda: {
        "post": operation(
            f"{description} Takes a fresh proof of identity.",
            answers={200: serializers.SessionsRevokedSerializer},
            failures=(401, 503),
        )
    }


def _jwks() -> _Operations:
    return {
        "get": operation(
            "The public keys for access tokens (RFC 7517); 404 while all keys are symmetric.",
            answers={200: serializers.SessionKeysSerializer, 304: _UNCHANGED},
            failures=(404,),
        )
    }


def _introspect() -> _Operations:
    return {
        "post": operation(
            "For other services: would this token be accepted now? (RFC 7662)",
            request=serializers.SessionTokenSerializer,
            answers={200: serializers.SessionIntrospectionSerializer},
            failures=(401, 404, 503),
        )
    }


def _revoke() -> _Operations:
    return {
        "post": operation(
            "End the session of a token of either kind (RFC 7009).",
            request=serializers.SessionTokenSerializer,
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
