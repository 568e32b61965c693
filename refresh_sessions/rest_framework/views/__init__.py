"""The endpoints: sign in, refresh, sign out, one's own sessions, and those of the RFCs."""

from refresh_sessions.rest_framework.views.jwks import JWKSView
from refresh_sessions.rest_framework.views.oauth import IntrospectView, RevokeView
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
    "VerifyView",
]
