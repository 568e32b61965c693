"""Sessions and users registered again, as the documentation shows."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.urls import include, path
from unfold.admin import ModelAdmin

from refresh_sessions.admin import SessionAdminMixin, UserSessionsMixin
from refresh_sessions.models import DeviceSession

User = get_user_model()


class ThemedSessionAdmin(SessionAdminMixin, ModelAdmin):  # type: ignore[misc]  # has no types
    """The example of docs/admin.md."""


class ThemedUserAdmin(UserSessionsMixin, ModelAdmin):  # type: ignore[misc]  # likewise
    """Admin of users with the theme."""


for model, model_admin in ((DeviceSession, ThemedSessionAdmin), (User, ThemedUserAdmin)):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
    admin.site.register(model, model_admin)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("auth/", include("refresh_sessions.urls")),
]
