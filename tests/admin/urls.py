"""URLconf of the tests, with the current user model in the admin."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.urls import include, path

if not admin.site.is_registered(get_user_model()):
    admin.site.register(get_user_model())

urlpatterns = [
    path("admin/", admin.site.urls),
    path("auth/", include("refresh_sessions.urls")),
]
