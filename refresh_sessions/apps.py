"""The Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RefreshSessionsConfig(AppConfig):
    """Registers the system checks once Django is ready."""

    name = "refresh_sessions"
    verbose_name = _("Device sessions")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from refresh_sessions import checks  # noqa: F401
