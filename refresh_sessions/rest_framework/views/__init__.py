"""Views of the endpoints: login, refresh, logout, own sessions, OAuth endpoints and JWKS."""

from refresh_sessions.rest_framework.views.devices import DeviceRefreshView, DeviceRegisterView
from refresh_sessions.rest_framework.views.jwks import JWKSView
from refresh_sessions.rest_framework.views.oauth import IntrospectView, RevokeView, TokenView
from refresh_sessions.rest_framework.views.sessions import (
    OpenFamilyView,
    RevokeAllView,
    RevokeOthersView,
    SessionDetailView,
    SessionListView,
)
from refresh_sessions.rest_framework.views.step_up import ReauthenticateView
from refresh_sessions.rest_framework.views.tokens import (
    LoginView,
    LogoutView,
    RefreshView,
    VerifyView,
)

__all__ = [
    "DeviceRefreshView",
    "DeviceRegisterView",
    "IntrospectView",
    "JWKSView",
    "LoginView",
    "LogoutView",
    "OpenFamilyView",
    "ReauthenticateView",
    "RefreshView",
    "RevokeAllView",
    "RevokeOthersView",
    "RevokeView",
    "SessionDetailView",
    "SessionListView",
    "TokenView",
    "VerifyView",
]
