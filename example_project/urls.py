"""URLs: the endpoints at ``/auth/``, an API of two views, the admin, and the HTML pages.

The HTML pages are Django's login and the list of devices.
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
