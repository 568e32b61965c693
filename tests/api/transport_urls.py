"""Endpoints with either transport beside those of the setting."""

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from refresh_sessions.transports import get_transport, set_transport
from tests.factories import make_pair


def social_login(request: HttpRequest) -> JsonResponse:
    set_transport(request, "cookie" if "cookie" in request.GET else "body")
    pair = make_pair(request=request)
    response = JsonResponse({"access": pair.access})
    get_transport(request).write(request, response, pair)
    return response


urlpatterns = [
    path("auth/", include("refresh_sessions.urls")),
    path("browser/auth/", include("refresh_sessions.urls_cookie")),
    path("app/auth/", include("refresh_sessions.urls_body")),
    path("social/", social_login),
]
