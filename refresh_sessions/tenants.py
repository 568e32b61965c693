"""What separates the users of one tenant or environment from those of another.

User 1 of two schemas, or of staging and production, are two people. Tokens name their tenant in
``iss``; access tokens and cache keys are bound to the database as well, as they may be trusted
without a look at it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

from django.apps import apps
from django.conf import settings as django_settings
from django.db import connections, router
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.module_loading import import_string

from refresh_sessions.conf import get_settings

_SALT: Final = "refresh_sessions.tenants.environment"
_LOCAL: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
_PORTS: Final = {"postgresql": "5432", "mysql": "3306", "oracle": "1521"}
_PLACES: Final = ("service", "read_default_file", "host", "port", "unix_socket", "db", "database")
"""Keys of ``OPTIONS`` by which drivers find a server or a database."""
_SEARCH_PATH: Final = re.compile(r"search_path\s*=\s*((?:\\.|[^\s\\])+)")


def schema_of_connection() -> str:
    """The schema of the database connection, as django-tenants and its forks set it.

    The default of the setting ``TENANT``; empty for other connections.
    """
    return _schema_of(connections[_alias()])


def get_tenant() -> str:
    """The present tenant by the setting ``TENANT``; empty where there is none."""
    name = cast("Callable[[], object]", import_string(get_settings().TENANT))()
    return "" if name is None else str(name)


def get_issuer() -> str:
    """The claim ``iss`` of tokens: ``ISSUER``, then a slash and the present tenant, if any."""
    issuer, tenant = get_settings().ISSUER, get_tenant()
    return f"{issuer}/{tenant}" if tenant else issuer


def get_refresh_audience() -> str:
    """The claim ``aud`` of refresh tokens: never that of access tokens (ASVS 9.2.4)."""
    return f"{get_issuer()}#refresh"


def cache_prefix() -> str:
    """What begins the key of a cache entry about users or sessions.

    A digest of the issuer and of the database that sessions are written to: two environments may
    share a cache.
    """
    digest = hashlib.sha256(_place().encode("utf-8", "surrogatepass")).hexdigest()
    return f"refresh_sessions:{digest[:32]}"


def get_environment() -> str:
    """The claim ``env`` of access tokens: a digest of the same.

    Keyed with ``SECRET_KEY``, as clients can read the claim and could guess the names of servers.
    A name that ``ENVIRONMENT`` gives is not secret, and services with other keys share it.
    """
    return next(_environments())


def is_this_environment(environment: str) -> bool:
    """Whether a claim ``env`` was made for this database, ``SECRET_KEY_FALLBACKS`` respected."""
    return any(constant_time_compare(known, environment) for known in _environments())


def _environments() -> Iterator[str]:
    place = _place()
    if get_settings().ENVIRONMENT:
        yield hashlib.sha256(f"{_SALT}\n{place}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return
    for key in (django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS):
        mac = salted_hmac(_SALT, place, secret=key, algorithm="sha256")
        yield mac.hexdigest()[:16]


def _place() -> str:
    """Issuer, database and schema, in one text."""
    connection = connections[_alias()]
    database = get_settings().ENVIRONMENT or _address_of(connection)
    return json.dumps([get_issuer(), database, _schema_of(connection)])


def _address_of(connection: Any) -> list[str]:
    """What tells this database from others, in one spelling.

    Neither user nor password: they change, and the database remains the same.
    """
    vendor, stated = connection.vendor, connection.settings_dict
    name, host, port = (str(stated.get(key) or "") for key in ("NAME", "HOST", "PORT"))
    if vendor == "sqlite" and ":memory:" not in name and not name.startswith("file:"):
        # Two projects may each have a "db.sqlite3" in their own directories.
        name = os.path.realpath(name)
    host = host.lower().rstrip(".")
    options = stated.get("OPTIONS") or {}
    places = [f"{key}={options[key]}" for key in _PLACES if options.get(key)]
    places += _SEARCH_PATH.findall(str(options.get("options") or ""))
    return [
        vendor,
        name,
        "" if host in _LOCAL else host,
        port or _PORTS.get(vendor, ""),
        *places,
    ]


def _schema_of(connection: Any) -> str:
    name = getattr(connection, "schema_name", None)
    return "" if name is None else str(name)


def _alias() -> str:
    # Not imported: models stand above this module.
    return router.db_for_write(apps.get_model("refresh_sessions", "TokenFamily"))
