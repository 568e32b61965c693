"""System checks of the project's settings.

Errors are reported by every ``manage.py check``, warnings by ``check --deploy``. The warning W021
(no view accepts access tokens) is reported by every check, because it explains why a developer's
first API call fails. Only W025 queries a database, and only with ``--database``.
``docs/checks.md`` lists all checks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.core.checks import CheckMessage, Tags, register

from refresh_sessions.checks.databases import check_configured_charsets, check_stored_charsets
from refresh_sessions.checks.deployment import find_warnings
from refresh_sessions.checks.errors import find_errors, find_malformed_settings
from refresh_sessions.checks.keys import find_key_errors, find_key_warnings
from refresh_sessions.checks.views import check_authentication
from refresh_sessions.conf import get_settings

TAG: Final = "refresh_sessions"
"""For ``manage.py check --tag refresh_sessions``."""


@register(TAG)
def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Errors: settings that cannot work."""
    # The other checks need settings that can be parsed.
    return list(find_malformed_settings()) or [
        *find_errors(get_settings()),
        *find_key_errors(get_settings()),
    ]


@register(TAG, Tags.urls)
def check_views(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Warn if no view of the project accepts access tokens."""
    return [] if any(find_malformed_settings()) else list(check_authentication())


@register(TAG, Tags.security, deploy=True)
def check_deployment(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Warnings: settings that work, but are a risk in production."""
    if any(find_malformed_settings()):
        return []
    return [
        *find_warnings(get_settings()),
        *find_key_warnings(get_settings()),
        *check_configured_charsets(),
    ]


# Without TAG: "check --tag refresh_sessions" would query all databases.
@register(Tags.database)
def check_databases(
    app_configs: Any = None, databases: Iterable[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Warnings that need a query, for the databases of ``--database``."""
    return list(check_stored_charsets(databases))
