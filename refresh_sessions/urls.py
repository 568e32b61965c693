"""The endpoints, for ``path("auth/", include("refresh_sessions.urls"))``."""

from django.urls import path

from refresh_sessions.rest_framework import views

app_name = "refresh_sessions"

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="login"),
    path("login/verify/", views.VerifyView.as_view(), name="verify"),
    path("refresh/", views.RefreshView.as_view(), name="refresh"),
    path("refresh-token/", views.RefreshView.as_view(), name="refresh-token"),
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path("introspect/", views.IntrospectView.as_view(), name="introspect"),
    path("revoke/", views.RevokeView.as_view(), name="revoke"),
    path("jwks.json", views.JWKSView.as_view(), name="jwks"),
    path("reauthenticate/", views.ReauthenticateView.as_view(), name="reauthenticate"),
    path("sessions/", views.SessionListView.as_view(), name="session-list"),
    path("sessions/branch/", views.OpenFamilyView.as_view(), name="open-family"),
    path("sessions/revoke-others/", views.RevokeOthersView.as_view(), name="revoke-others"),
    path("sessions/revoke-all/", views.RevokeAllView.as_view(), name="revoke-all"),
    # Not "uuid": a malformed id gets the view's JSON 404 instead of Django's HTML page.
    path("sessions/<str:session_id>/", views.SessionDetailView.as_view(), name="session-detail"),
]
