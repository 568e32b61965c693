"""The refresh for OAuth libraries beside the other endpoints."""

from django.urls import include, path

urlpatterns = [
    path("auth/", include("refresh_sessions.urls")),
    path("oauth/", include("refresh_sessions.urls_oauth")),
]
