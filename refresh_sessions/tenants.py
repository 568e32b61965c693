"""Tenants: bind tokens and cache keys to one tenant and one database.

The same primary key means different users in two schemas, or in staging and production. Tokens
have their tenant in the claim ``iss``. Access tokens and cache keys are also bound to the
database, as they may be accepted without a query.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

from django.apps import apps
from django.conf import settings as django_settings
from django.db import connections, router
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.module_loading import import_string

from refresh_sessions.conf import Settings, get_settings

_SALT: Final = "refresh_sessions.tenants.environment"
_LOCAL_HOSTS: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
_DEFAULT_PORTS: Final = {"postgresql": "5432", "mysql": "3306", "oracle": "1521"}
_LOCATION_OPTIONS: Final = (
    "service",
    "read_default_file",
    "host",
    "port",
    "unix_socket",
    "db",
    "database",
)
"""Keys of ``OPTIONS`` with which drivers locate a server or a database."""
_SEARCH_PATH: Final = re.compile(r"search_path\s*=\s*((?:\\.|[^\s\\])+)")


def schema_of_connection() -> str:
    """The schema of the database connection with django-tenants and its forks.

    The default of the setting ``TENANT``; empty for other connections.
    """
    return _get_schema(connections[_get_alias()])


def get_tenant() -> str:
    """The present tenant from the setting ``TENANT``; empty without one."""
    return _get_tenant(get_settings())


def may_depend_on_thread() -> bool:
    """Whether tenant or database may differ between an event loop and the thread of a request.

    Each thread has its own connections, so a middleware that selects a schema does so in one
    thread. A function of the project or a database router may read variables of a thread.
    """
    return (
        bool(django_settings.DATABASE_ROUTERS)
        or import_string(get_settings().TENANT) is not schema_of_connection
        or hasattr(connections[_get_alias()], "schema_name")
    )


def get_issuer() -> str:
    """The claim ``iss`` of tokens: ``ISSUER``, and a slash and the tenant if there is one."""
    settings = get_settings()
    tenant = _get_tenant(settings)
    return f"{settings.ISSUER}/{tenant}" if tenant else settings.ISSUER


def get_refresh_audience(issuer: str) -> str:
    """The claim ``aud`` of refresh tokens, distinct from that of access tokens (ASVS 9.2.4)."""
    return f"{issuer}#refresh"


def get_device_audience(issuer: str) -> str:
    """The claim ``aud`` of bound cookies, distinct from that of tokens."""
    return f"{issuer}#device"


def cache_prefix() -> str:
    """The prefix of cache keys for users and sessions.

    It contains a digest of the issuer and of the database with the sessions, as two environments
    may share one cache.
    """
    return _get_prefix(_get_database_identity(get_issuer()))


def get_environment(issuer: str) -> str:
    """The claim ``env`` of access tokens: a digest of issuer and database.

    It is an HMAC with ``SECRET_KEY``: clients can read the claim and could guess server names.
    With the setting ``ENVIRONMENT`` it is a plain digest: that name is not secret, and services
    with another ``SECRET_KEY`` need the same value.
    """
    return _valid_environments(issuer)[0]


def is_this_environment(environment: str) -> bool:
    """Whether a claim ``env`` belongs to this database, also with ``SECRET_KEY_FALLBACKS``."""
    return any(
        constant_time_compare(valid, environment) for valid in _valid_environments(get_issuer())
    )


def _valid_environments(issuer: str) -> tuple[str, ...]:
    identity = _get_database_identity(issuer)
    if get_settings().ENVIRONMENT:
        return (_get_environment_of_name(identity),)
    keys = (django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS)
    return tuple(_get_environment_of_key(identity, key) for key in keys)


# The digests run for each access token, and each text is one of few: they are computed once.


@lru_cache(maxsize=1024)
def _get_prefix(identity: str) -> str:
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
    return f"refresh_sessions:{digest[:32]}"


@lru_cache(maxsize=1024)
def _get_environment_of_name(identity: str) -> str:
    text = f"{_SALT}\n{identity}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@lru_cache(maxsize=1024)
def _get_environment_of_key(identity: str, key: str | bytes) -> str:
    return salted_hmac(_SALT, identity, secret=key, algorithm="sha256").hexdigest()[:16]


def _get_database_identity(issuer: str) -> str:
    """Issuer, database and schema as one JSON text."""
    connection = connections[_get_alias()]
    database = get_settings().ENVIRONMENT or _get_database_address(connection)
    return _to_identity(issuer, database, _get_schema(connection))


@lru_cache(maxsize=1024)
def _to_identity(issuer: str, database: str | tuple[str, ...], schema: str) -> str:
    return json.dumps([issuer, database, schema])


def _get_database_address(connection: Any) -> tuple[str, ...]:
    """The normalized address of a database, without user and password, which may change."""
    vendor, settings = connection.vendor, connection.settings_dict
    name, options = settings.get("NAME"), settings.get("OPTIONS")
    return _normalize_address(
        vendor,
        name,
        settings.get("HOST"),
        settings.get("PORT"),
        location=_get_location(options) if options else (),
        directory=Path.cwd() if vendor == "sqlite" and not _is_absolute(name) else None,
    )


@lru_cache(maxsize=1024)
def _normalize_address(
    vendor: str,
    name: object,
    host: object,
    port: object,
    *,
    location: tuple[str, ...],
    directory: Path | None,
) -> tuple[str, ...]:
    """The address as texts; ``directory`` is the directory that a relative name depends on."""
    name, host, port = (str(value or "") for value in (name, host, port))
    if vendor == "sqlite" and ":memory:" not in name and not name.startswith("file:"):
        # Two projects may have a "db.sqlite3" in different directories.
        name = os.path.realpath(name)
    host = host.lower().rstrip(".")
    return (
        vendor,
        name,
        "" if host in _LOCAL_HOSTS else host,
        port or _DEFAULT_PORTS.get(vendor, ""),
        *location,
    )


def _get_location(options: Mapping[str, Any]) -> tuple[str, ...]:
    location = [f"{key}={options[key]}" for key in _LOCATION_OPTIONS if options.get(key)]
    return (*location, *_SEARCH_PATH.findall(str(options.get("options") or "")))


def _is_absolute(name: object) -> bool:
    return str(name).startswith(os.sep)


def _get_tenant(settings: Settings) -> str:
    name = cast("Callable[[], object]", import_string(settings.TENANT))()
    return "" if name is None else str(name)


def _get_schema(connection: Any) -> str:
    name = getattr(connection, "schema_name", None)
    return "" if name is None else str(name)


def _get_alias() -> str:
    # Models import this module, so it cannot import them.
    return router.db_for_write(apps.get_model("refresh_sessions", "TokenFamily"))
