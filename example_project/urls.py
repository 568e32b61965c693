"""The package at ``/auth/``, an API of two endpoints that need a session, and the admin."""

from django.contrib import admin
from django.urls import include, path

from example_project.api import MeView, TransferView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("auth/", include("refresh_sessions.urls")),
    path("api/me/", MeView.as_view(), name="me"),
    path("api/transfer/", TransferView.as_view(), name="transfer"),
]
