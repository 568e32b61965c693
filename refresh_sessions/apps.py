"""The Django app."""

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RefreshSessionsConfig(AppConfig):
    """Registers checks, signal receivers and the extensions of drf-spectacular."""

    name = "refresh_sessions"
    verbose_name = _("Device sessions")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from refresh_sessions import checks, emails, security_log  # noqa: F401
        from refresh_sessions.identity import account_reads, passwords
        from refresh_sessions.pages import login_state
        from refresh_sessions.sessions import account_changes

        security_log.connect()
        emails.connect()
        passwords.connect()
        account_changes.connect()
        login_state.connect()
        account_reads.connect()

        if find_spec("drf_spectacular"):
            import_module("refresh_sessions.rest_framework.schema")
