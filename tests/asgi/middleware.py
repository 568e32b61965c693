"""Middleware of a project that authenticates plain Django views, synchronous and asynchronous."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import markcoroutinefunction
from django.http import HttpRequest

from refresh_sessions.sessions import AccessGrant, acheck_access_token, check_access_token
from tests.asgi.project import read_token


def set_user(request: HttpRequest, grant: AccessGrant) -> None:
    request.user = grant.user  # type: ignore[assignment]
    request.auser = grant.auser  # type: ignore[assignment]


class SyncMiddleware:
    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        set_user(request, check_access_token(read_token(request), request=request))
        return self.get_response(request)


class AsyncMiddleware:
    sync_capable, async_capable = False, True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> Any:
        token = read_token(request)
        set_user(request, await acheck_access_token(token, request=request, load_user=False))
        return await self.get_response(request)
