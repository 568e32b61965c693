"""URLs of a project with asynchronous views."""

import asyncio
import json
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from refresh_sessions.exceptions import DatabaseBusyError, RefreshSessionsError
from refresh_sessions.sessions import acheck_access_token, arefresh_session

INTERVAL = 0.1
"""Seconds between two checks of a stream."""


def read_token(request: HttpRequest) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def refuse(error: RefreshSessionsError) -> JsonResponse:
    status = 503 if isinstance(error, DatabaseBusyError) else 401
    return JsonResponse({"detail": str(error), "code": error.code}, status=status)


async def bare(request: HttpRequest) -> JsonResponse:
    return JsonResponse({})


async def user_name(request: HttpRequest) -> JsonResponse:
    """The check with its defaults."""
    try:
        grant = await acheck_access_token(read_token(request), request=request)
    except RefreshSessionsError as error:
        return refuse(error)
    return JsonResponse({"user": grant.user.get_username()})


async def user_key(request: HttpRequest) -> JsonResponse:
    """The check without the user."""
    try:
        grant = await acheck_access_token(read_token(request), request=request, load_user=False)
    except RefreshSessionsError as error:
        return refuse(error)
    return JsonResponse({"user": grant.user.pk and grant["sub"]})


async def name_from_auser(request: HttpRequest) -> JsonResponse:
    """The user, after a check without it."""
    grant = await acheck_access_token(read_token(request), request=request, load_user=False)
    return JsonResponse({"user": (await grant.auser()).get_username()})


async def name_of_request(request: HttpRequest) -> JsonResponse:
    """The user that a middleware has set."""
    user = await request.auser()
    return JsonResponse({"user": user.get_username()})


@csrf_exempt
async def refresh(request: HttpRequest) -> JsonResponse:
    try:
        pair = await arefresh_session(json.loads(request.body)["refresh"], request=request)
    except RefreshSessionsError as error:
        return refuse(error)
    return JsonResponse({"access": pair.access, "refresh": pair.refresh})


async def events(request: HttpRequest) -> HttpResponseBase:
    """Server-sent events that keep no connection to the database while they wait."""
    token = read_token(request)
    try:
        await acheck_access_token(token, request=request)
    except RefreshSessionsError as error:
        return refuse(error)
    await sync_to_async(close_old_connections)()
    return StreamingHttpResponse(stream(token), content_type="text/event-stream")


async def stream(token: str) -> AsyncIterator[str]:
    while True:
        yield "data: hello\n\n"
        await asyncio.sleep(INTERVAL)
        try:
            await acheck_access_token(token)
        except DatabaseBusyError:
            continue
        except RefreshSessionsError as error:
            yield f"event: end\ndata: {getattr(error, 'reason', None) or error.code}\n\n"
            return
        finally:
            await sync_to_async(close_old_connections)()


async def idle(request: HttpRequest) -> HttpResponseBase:
    """A stream that waits after its first event, without a connection to the database."""
    await acheck_access_token(read_token(request), request=request)
    await sync_to_async(close_old_connections)()
    return StreamingHttpResponse(wait(), content_type="text/event-stream")


async def idle_in_memory(request: HttpRequest) -> HttpResponseBase:
    """The same without the user, and without a thread if the check needs none."""
    await acheck_access_token(read_token(request), request=request, load_user=False)
    return StreamingHttpResponse(wait(), content_type="text/event-stream")


async def wait_without_check(request: HttpRequest) -> HttpResponseBase:
    """The same without a check, for comparison."""
    return StreamingHttpResponse(wait(), content_type="text/event-stream")


async def wait() -> AsyncIterator[str]:
    yield "data: hello\n\n"
    await asyncio.Event().wait()


class OpenView(APIView):
    """A view without authentication."""

    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Any) -> Response:
        return Response({})


class UserView(APIView):
    permission_classes = (IsAuthenticated,)

    def get(self, request: Any) -> Response:
        return Response({"user": request.user.get_username()})


urlpatterns = [
    path("bare/", bare),
    path("user-name/", user_name),
    path("user-key/", user_key),
    path("name-from-auser/", name_from_auser),
    path("name-of-request/", name_of_request),
    path("refresh/", refresh),
    path("events/", events),
    path("idle/", idle),
    path("idle-without-check/", wait_without_check),
    path("idle-in-memory/", idle_in_memory),
    path("rest-framework/open/", OpenView.as_view()),
    path("rest-framework/user/", UserView.as_view()),
    path("auth/", include("refresh_sessions.urls")),
]

if find_spec("adrf"):
    from adrf.views import APIView as AsyncAPIView

    class AsyncOpenView(AsyncAPIView):  # type: ignore[misc]  # adrf has no types
        """A view without authentication."""

        authentication_classes = ()
        permission_classes = ()

        async def get(self, request: Any) -> Response:
            return Response({})

    class AsyncUserView(AsyncAPIView):  # type: ignore[misc]
        permission_classes = (IsAuthenticated,)

        async def get(self, request: Any) -> Response:
            user = await request.auser()
            assert user == request.user
            return Response({"user": request.user.get_username()})

    urlpatterns += [
        path("adrf/open/", AsyncOpenView.as_view()),
        path("adrf/user/", AsyncUserView.as_view()),
    ]
