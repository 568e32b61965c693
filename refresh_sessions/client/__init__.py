"""HTTP client: authenticate httpx requests at an API that refresh_sessions protects.

Needs neither Django nor its settings. See ``docs/python-client.md``.
"""

try:
    import anyio as _anyio  # noqa: F401
    import filelock as _filelock  # noqa: F401
    import httpx as _httpx  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"refresh_sessions.client needs the package {error.name}. Install it with: "
        'pip install "django-refresh-sessions[client]"',
        name=error.name,
    ) from error

from refresh_sessions.client.auth import SessionAuth
from refresh_sessions.client.errors import (
    LoginRequiredError,
    ReauthenticationRequiredError,
    SessionAuthError,
    StorageError,
    TransientError,
    UnexpectedAnswerError,
)
from refresh_sessions.client.file_storage import FileStorage
from refresh_sessions.client.keys import DPoPKey
from refresh_sessions.client.retry import RetryPolicy
from refresh_sessions.client.storage import MemoryStorage, Storage
from refresh_sessions.client.tokens import Tokens

__all__ = [
    "DPoPKey",
    "FileStorage",
    "LoginRequiredError",
    "MemoryStorage",
    "ReauthenticationRequiredError",
    "RetryPolicy",
    "SessionAuth",
    "SessionAuthError",
    "Storage",
    "StorageError",
    "Tokens",
    "TransientError",
    "UnexpectedAnswerError",
]
