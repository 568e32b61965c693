"""System checks: what is wrong with a project's settings, said before a person finds out.

Errors come with every ``manage.py check``, warnings with ``check --deploy``. One warning comes
with every check: that no view accepts access tokens explains why a developer's first call fails.
None of them asks the database but one, and that only where ``--database`` names it.
``docs/checks.md`` lists them all.
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
    """Everything that cannot work."""
    # Nothing more can be said of settings that cannot even be read.
    return list(find_malformed_settings()) or [
        *find_errors(get_settings()),
        *find_key_errors(get_settings()),
    ]


@register(TAG, Tags.urls)
def check_views(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Whether the access tokens that are issued are accepted anywhere."""
    return [] if any(find_malformed_settings()) else list(check_authentication())


@register(TAG, Tags.security, deploy=True)
def check_deployment(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Everything that works, but should not be in use where it matters."""
    if any(find_malformed_settings()):
        return []
    return [
        *find_warnings(get_settings()),
        *find_key_warnings(get_settings()),
        *check_configured_charsets(),
    ]


# Without our tag: "check --tag" would have it ask every database there is.
@register(Tags.database)
def check_databases(
    app_configs: Any = None, databases: Iterable[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """What only a server knows; Django names the databases that may be asked."""
    return list(check_stored_charsets(databases))
