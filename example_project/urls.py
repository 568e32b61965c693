"""The package at ``/auth/``, one endpoint that needs a session, and the admin."""

from django.contrib import admin
from django.urls import include, path

from example_project.api import MeView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("auth/", include("refresh_sessions.urls")),
    path("api/me/", MeView.as_view(), name="me"),
]
