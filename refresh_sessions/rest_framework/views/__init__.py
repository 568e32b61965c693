"""The endpoints: sign in, refresh, sign out, and the user's own sessions."""

from refresh_sessions.rest_framework.views.login import LoginView, VerifyView
from refresh_sessions.rest_framework.views.logout import LogoutView
from refresh_sessions.rest_framework.views.reauthenticate import ReauthenticateView
from refresh_sessions.rest_framework.views.refresh import RefreshView
from refresh_sessions.rest_framework.views.sessions import (
    BranchView,
    RevokeAllView,
    RevokeOthersView,
    SessionDetailView,
    SessionListView,
)

__all__ = [
    "BranchView",
    "LoginView",
    "LogoutView",
    "ReauthenticateView",
    "RefreshView",
    "RevokeAllView",
    "RevokeOthersView",
    "SessionDetailView",
    "SessionListView",
    "VerifyView",
]
