"""URLs of the endpoints: ``path("auth/", include("refresh_sessions.urls"))``."""

from django.urls import URLPattern, path
from rest_framework.views import APIView

from refresh_sessions.request_transport import TransportName
from refresh_sessions.rest_framework import views
from refresh_sessions.rest_framework.device_sessions import REFRESH, REGISTER
from refresh_sessions.rest_framework.views.base import SessionsAPIView

app_name = "refresh_sessions"

_ENDPOINTS: tuple[tuple[str, type[SessionsAPIView], str], ...] = (
    ("login/", views.LoginView, "login"),
    ("login/verify/", views.VerifyView, "verify"),
    ("refresh/", views.RefreshView, "refresh"),
    ("refresh-token/", views.RefreshView, "refresh-token"),
    ("logout/", views.LogoutView, "logout"),
    ("device/register/", views.DeviceRegisterView, REGISTER),
    ("device/refresh/", views.DeviceRefreshView, REFRESH),
    ("introspect/", views.IntrospectView, "introspect"),
    ("revoke/", views.RevokeView, "revoke"),
    ("jwks.json", views.JWKSView, "jwks"),
    ("reauthenticate/", views.ReauthenticateView, "reauthenticate"),
    ("sessions/", views.SessionListView, "session-list"),
    ("sessions/branch/", views.OpenFamilyView, "open-family"),
    ("sessions/revoke-others/", views.RevokeOthersView, "revoke-others"),
    ("sessions/revoke-all/", views.RevokeAllView, "revoke-all"),
    # Not "uuid": a malformed id gets the view's JSON 404 instead of Django's HTML page.
    ("sessions/<str:session_id>/", views.SessionDetailView, "session-detail"),
)


def build_urlpatterns(transport: TransportName | None = None) -> list[URLPattern]:
    """The patterns of all endpoints with one transport; None for that of the settings."""
    return [
        path(route, _with_transport(view, transport).as_view(), name=name)
        for route, view, name in _ENDPOINTS
    ]


def _with_transport(view: type[SessionsAPIView], transport: TransportName | None) -> type[APIView]:
    if transport is None:
        return view
    # A subclass and no argument of as_view(): the OpenAPI schema sees the class alone.
    attributes = {"transport": transport, "__doc__": view.__doc__, "__module__": view.__module__}
    return type(view.__name__, (view,), attributes)


urlpatterns = build_urlpatterns()
