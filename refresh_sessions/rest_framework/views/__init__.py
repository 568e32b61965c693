"""The endpoints: sign in, refresh, sign out, one's own sessions, and those of the RFCs."""

from refresh_sessions.rest_framework.views.introspect import IntrospectView
from refresh_sessions.rest_framework.views.jwks import JWKSView
from refresh_sessions.rest_framework.views.login import LoginView, VerifyView
from refresh_sessions.rest_framework.views.logout import LogoutView
from refresh_sessions.rest_framework.views.reauthenticate import ReauthenticateView
from refresh_sessions.rest_framework.views.refresh import RefreshView
from refresh_sessions.rest_framework.views.revoke import RevokeView
from refresh_sessions.rest_framework.views.sessions import (
    OpenFamilyView,
    RevokeAllView,
    RevokeOthersView,
    SessionDetailView,
    SessionListView,
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
