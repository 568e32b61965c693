"""What is wrong with a value for ``REFRESH_SESSIONS``, in words for whoever wrote it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final, cast, get_args, get_origin, get_type_hints

from refresh_sessions.conf.durations import in_code, to_duration
from refresh_sessions.conf.networks import NETWORK_WORDS, network_problem
from refresh_sessions.conf.other_packages import explain
from refresh_sessions.conf.settings import NAMESPACE, Settings
from refresh_sessions.shapes import describe, fits

RENAMABLE_FIELDS: Final = (
    "access",
    "refresh",
    "access_expires_at",
    "refresh_expires_at",
    "session",
    "username",
    "password",
    "device_name",
)
"""The names in requests and answers that ``FIELD_NAMES`` may replace."""

_SECRETIVE: Final = ("KEYS", "REFRESH_KEYS", "INTROSPECTION_CLIENTS")
"""Settings whose values must not show in a message."""
_CLIENT_NAME: Final = re.compile(r"[A-Za-z0-9._~-]+")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_TAKEN_FIELDS: Final = ("code", "current", "detail", "errors", "hint", "reason")
_HINTS: Final = get_type_hints(Settings)


def problems(raw: Any) -> Iterator[str]:
    """Say, one by one, what is wrong with a value for ``REFRESH_SESSIONS``."""
    if not isinstance(raw, Mapping):
        yield f"{NAMESPACE} must be a dict, not {type(raw).__name__}."
        return
    for key, value in raw.items():
        if key not in _HINTS:
            yield f"{NAMESPACE} has no setting {key!r}.{_remedy(str(key))}"
        elif not fits(value, _HINTS[key]):
            shown = repr(type(value) if key in _SECRETIVE else value)
            wanted = f"{describe(_HINTS[key])}{_such_as(key, value)}"
            yield f"{NAMESPACE}[{key!r}] must be {wanted}, not {shown}."
        else:
            yield from _value_problems(key, value)


def _value_problems(key: str, value: Any) -> Iterator[str]:
    name = f"{NAMESPACE}[{key!r}]"
    if isinstance(value, timedelta) and value < timedelta(0):
        yield f"{name} must not be negative."
    elif key.endswith("_LIFETIME") and not value:
        yield f"{name} must be longer than zero."
    elif key.startswith("MAX_") and value is not None and value < 1:
        no_limit = "; None means no limit" if fits(None, _HINTS[key]) else ""
        yield f"{name} must be at least 1{no_limit}."
    elif key == "FIELD_NAMES":
        yield from _field_name_problems(name, value)
    elif key == "TRUSTED_PROXIES":
        yield from _network_problems(name, value)
    elif key == "INTROSPECTION_CLIENTS":
        yield from _client_problems(name, value)
    elif key == "CLIENT_ID" and not value:
        yield f"{name} must not be empty."


def _field_name_problems(name: str, value: Mapping[str, str]) -> Iterator[str]:
    for key in value:
        if key not in RENAMABLE_FIELDS:
            yield f"{name} cannot rename {key!r}; it knows {', '.join(RENAMABLE_FIELDS)}."
    final = [value.get(key, key) for key in RENAMABLE_FIELDS]
    if len(set(final)) < len(final):
        yield f"{name} gives two fields the same name."
    for taken in sorted({"", *_TAKEN_FIELDS} & set(final)):
        yield f"{name} cannot use the name {taken!r}."


def _client_problems(name: str, value: Mapping[str, str]) -> Iterator[str]:
    for client, digest in value.items():
        if not _CLIENT_NAME.fullmatch(client):
            yield f"{name} has a client {client!r}; use letters, digits, '-', '.', '_' and '~'."
        if not _DIGEST.fullmatch(digest):
            yield (
                f"{name}[{client!r}] must be the SHA-256 digest of a secret in lower-case hex, as "
                "'manage.py refresh_sessions_key client' makes it."
            )


def _network_problems(name: str, value: Iterable[str]) -> Iterator[str]:
    for network in value:
        if network in NETWORK_WORDS:
            continue
        if (word := network.strip().lower()) in NETWORK_WORDS:
            yield f"{name}: {network!r} is not a network; did you mean {word}?"
        elif (problem := network_problem(network)) is not None:
            yield f"{name}: {problem}{'' if problem.endswith('?') else '.'}"


def _such_as(key: str, value: Any) -> str:
    """The right way to write what was meant, where that can be said."""
    hint = _HINTS[key]
    if hint is timedelta or timedelta in get_args(hint):
        duration = to_duration(value)
        if duration is None or any(_value_problems(key, duration)):
            duration = getattr(Settings(), key)
        return f" such as {in_code(duration)}"
    if get_origin(hint) is tuple and (strings := _to_strings(value)):
        return f" such as {strings!r}"
    return ""


def _to_strings(value: Any) -> list[str]:
    """A list of strings for a single one, a set, classes in place of their paths and networks."""
    items = value if isinstance(value, list | tuple | set | frozenset) else [value]
    strings = [_to_string(item) for item in items]
    return [] if None in strings else cast("list[str]", strings)


def _to_string(item: Any) -> str | None:
    if isinstance(item, type):
        return f"{item.__module__}.{item.__qualname__}"
    return str(item) if isinstance(item, str | IPv4Network | IPv6Network) else None


def _remedy(key: str) -> str:
    """What to write in place of a key that is not known, with a space before it."""
    own = key.upper()
    # As close as a slip of the fingers: another package's setting is none of ours misspelt.
    close = [own] if own in _HINTS else difflib.get_close_matches(own, _HINTS, n=1, cutoff=0.8)
    if own not in _HINTS and (explanation := explain(own)):
        return f" {explanation}"
    return f" Did you mean {close[0]!r}?" if close else ""
