"""The package at ``/auth/``, an API of two endpoints that need a session, and the admin.

And for people in a browser: Django's own login, and the page that lists their devices.
"""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from example_project.api import MeView, TransferView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="refresh_sessions_pages:session-list")),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
    path("auth/", include("refresh_sessions.urls")),
    path("devices/", include("refresh_sessions.urls_pages")),
    path("api/me/", MeView.as_view(), name="me"),
    path("api/transfer/", TransferView.as_view(), name="transfer"),
]
