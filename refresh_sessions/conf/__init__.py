"""The settings of this package as one frozen, typed object.

``get_settings()`` parses ``settings.REFRESH_SESSIONS`` again if the dict was replaced, so
``override_settings`` and pytest-django's ``settings`` fixture work.
"""

from refresh_sessions.conf.loader import get_settings, parse_settings
from refresh_sessions.conf.settings import NAMESPACE, Settings
from refresh_sessions.conf.text_values import (
    NETWORK_WORDS,
    PRIVATE,
    PRIVATE_NETWORKS,
    UNIX_SOCKET,
)
from refresh_sessions.conf.validation import RENAMABLE_FIELDS, find_problems

__all__ = [
    "NAMESPACE",
    "NETWORK_WORDS",
    "PRIVATE",
    "PRIVATE_NETWORKS",
    "RENAMABLE_FIELDS",
    "UNIX_SOCKET",
    "Settings",
    "find_problems",
    "get_settings",
    "parse_settings",
]
