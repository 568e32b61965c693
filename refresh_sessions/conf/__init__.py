"""The settings of this package: one frozen, typed object, read where it is used.

``get_settings()`` parses ``settings.REFRESH_SESSIONS`` again whenever Django holds another
dict, so ``override_settings`` and pytest-django's ``settings`` fixture just work.
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
