"""The URLs of the tests' project, and the refresh for OAuth libraries."""

from django.urls import include, path

from tests.urls import urlpatterns as ordinary

urlpatterns = [*ordinary, path("oauth/", include("refresh_sessions.urls_oauth"))]
