"""The Django app."""

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RefreshSessionsConfig(AppConfig):
    """Registers what others look for once Django is ready: checks, log, mails, OpenAPI's word."""

    name = "refresh_sessions"
    verbose_name = _("Device sessions")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from refresh_sessions import auditing, checks, notifications  # noqa: F401
        from refresh_sessions.html import receivers
        from refresh_sessions.identity import passwords, watching
        from refresh_sessions.sessions import account_changes

        auditing.connect()
        notifications.connect()
        passwords.connect()
        account_changes.connect()
        receivers.connect()
        watching.connect()

        if find_spec("drf_spectacular"):
            import_module("refresh_sessions.rest_framework.schema")
