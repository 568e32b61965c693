"""Validation of ``REFRESH_SESSIONS``: finds problems and suggests a correction for each."""

from __future__ import annotations

import difflib
import os
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final, Literal, Union, cast, get_args, get_origin, get_type_hints

from refresh_sessions.conf.foreign_settings import explain_foreign_setting
from refresh_sessions.conf.settings import NAMESPACE, Settings
from refresh_sessions.conf.text_values import (
    NETWORK_WORDS,
    coerce_duration,
    find_network_problem,
    find_origin_problem,
    format_duration,
)

_COLLECTIONS: Final[Mapping[Any, str]] = {
    tuple: "a list of strings",
    Mapping: "a dict of strings",
    Sequence: "a list of keys, each a dict of strings or 'SECRET_KEY'",
}


def matches_type(value: Any, hint: Any) -> bool:
    """Whether a value has the type, items of collections included."""
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        return any(matches_type(value, option) for option in get_args(hint))
    if origin is Literal:
        return value in get_args(hint)
    if origin is tuple:
        # Lists are accepted and stored as tuples.
        return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    if origin is Sequence:
        return isinstance(value, list | tuple) and all(_is_key_entry(item) for item in value)
    if origin is not None:
        return isinstance(value, Mapping) and all(
            isinstance(part, str) for pair in value.items() for part in pair
        )
    # bool is a subclass of int, but True is not a number of sessions.
    return isinstance(value, hint) and not (hint is int and isinstance(value, bool))


def _is_key_entry(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, Mapping)
        and all(isinstance(name, str) for name in value)
        and all(isinstance(item, str | os.PathLike) for item in value.values())
    )


def describe_type(hint: Any) -> str:
    """The type in words, for an error message."""
    if get_origin(hint) is Literal:
        return " or ".join(repr(option) for option in get_args(hint))
    if get_origin(hint) in {Union, types.UnionType}:
        return " or ".join(describe_type(option) for option in get_args(hint))
    if hint is types.NoneType:
        return "None"
    if hint is timedelta:
        return "a timedelta"
    return _COLLECTIONS.get(get_origin(hint)) or f"of type {hint.__name__}"


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
"""The fields of requests and responses that ``FIELD_NAMES`` can rename."""

_SECRET_SETTINGS: Final = ("KEYS", "REFRESH_KEYS", "INTROSPECTION_CLIENTS")
"""Settings with secret values, which must not appear in a message."""

_CLIENT_NAME: Final = re.compile(r"[A-Za-z0-9._~-]+")

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")

_RESERVED_FIELDS: Final = ("code", "current", "detail", "errors", "hint", "reason")

_HINTS: Final = get_type_hints(Settings)


def find_problems(raw: Any) -> Iterator[str]:
    """Yield a message for each problem of a value for ``REFRESH_SESSIONS``."""
    if not isinstance(raw, Mapping):
        yield f"{NAMESPACE} must be a dict, not {type(raw).__name__}."
        return
    for key, value in raw.items():
        if key not in _HINTS:
            yield f"{NAMESPACE} has no setting {key!r}.{_suggest_key(str(key))}"
        elif not matches_type(value, _HINTS[key]):
            shown = repr(type(value) if key in _SECRET_SETTINGS else value)
            expected = f"{describe_type(_HINTS[key])}{_suggest_value(key, value)}"
            yield f"{NAMESPACE}[{key!r}] must be {expected}, not {shown}."
        else:
            yield from _value_problems(key, value)


def _value_problems(key: str, value: Any) -> Iterator[str]:
    name = f"{NAMESPACE}[{key!r}]"
    if isinstance(value, timedelta) and value < timedelta(0):
        yield f"{name} must not be negative."
    elif key.endswith("_LIFETIME") and not value:
        yield f"{name} must be longer than zero."
    elif key.startswith("MAX_") and value is not None and value < 1:
        no_limit = "; None means no limit" if matches_type(None, _HINTS[key]) else ""
        yield f"{name} must be at least 1{no_limit}."
    elif key == "CLIENT_ID" and not value:
        yield f"{name} must not be empty."
    elif key in _CHECKS_OF_CONTENT:
        yield from _CHECKS_OF_CONTENT[key](name, value)


def _field_name_problems(name: str, value: Mapping[str, str]) -> Iterator[str]:
    for key in value:
        if key not in RENAMABLE_FIELDS:
            yield f"{name} cannot rename {key!r}, only {', '.join(RENAMABLE_FIELDS)}."
    renamed = [value.get(key, key) for key in RENAMABLE_FIELDS]
    if len(set(renamed)) < len(renamed):
        yield f"{name} gives two fields the same name."
    for reserved in sorted({"", *_RESERVED_FIELDS} & set(renamed)):
        yield f"{name} cannot use the name {reserved!r}."


def _client_problems(name: str, value: Mapping[str, str]) -> Iterator[str]:
    for client, digest in value.items():
        if not _CLIENT_NAME.fullmatch(client):
            yield f"{name} has a client {client!r}; use letters, digits, '-', '.', '_' and '~'."
        if not _DIGEST.fullmatch(digest):
            yield (
                f"{name}[{client!r}] must be the SHA-256 digest of a secret in lower-case hex. "
                "Generate both with: manage.py manage_session_keys client."
            )


def _network_problems(name: str, value: Iterable[str]) -> Iterator[str]:
    for network in value:
        if network in NETWORK_WORDS:
            continue
        if (word := network.strip().lower()) in NETWORK_WORDS:
            yield f"{name}: {network!r} is not a network; did you mean {word}?"
        elif (problem := find_network_problem(network)) is not None:
            yield f"{name}: {problem}{_full_stop(problem)}"


def _origin_problems(name: str, value: str) -> Iterator[str]:
    if value and (problem := find_origin_problem(value)) is not None:
        yield f"{name} must be an origin: {problem}{_full_stop(problem)}"


_CHECKS_OF_CONTENT: Final[Mapping[str, Callable[[str, Any], Iterator[str]]]] = {
    "FIELD_NAMES": _field_name_problems,
    "TRUSTED_PROXIES": _network_problems,
    "INTROSPECTION_CLIENTS": _client_problems,
    "PUBLIC_ORIGIN": _origin_problems,
}


def _full_stop(problem: str) -> str:
    return "" if problem.endswith("?") else "."


def _suggest_value(key: str, value: Any) -> str:
    """A valid value close to the given one, with " such as" before it; empty if unknown."""
    hint = _HINTS[key]
    if hint is timedelta or timedelta in get_args(hint):
        duration = coerce_duration(value)
        if duration is None or any(_value_problems(key, duration)):
            duration = getattr(Settings(), key)
        return f" such as {format_duration(duration)}"
    if get_origin(hint) is tuple and (strings := _to_strings(value)):
        return f" such as {strings!r}"
    return ""


def _to_strings(value: Any) -> list[str]:
    """A list of strings from a string, a set, classes or networks; empty for other values."""
    items = value if isinstance(value, list | tuple | set | frozenset) else [value]
    strings = [_to_string(item) for item in items]
    return [] if None in strings else cast("list[str]", strings)


def _to_string(item: Any) -> str | None:
    if isinstance(item, type):
        return f"{item.__module__}.{item.__qualname__}"
    return str(item) if isinstance(item, str | IPv4Network | IPv6Network) else None


def _suggest_key(key: str) -> str:
    """The replacement for an unknown key, with a space before it; empty if unknown."""
    upper = key.upper()
    # A high cutoff: a setting of another package is not a typing error.
    close = (
        [upper] if upper in _HINTS else difflib.get_close_matches(upper, _HINTS, n=1, cutoff=0.8)
    )
    if upper not in _HINTS and (explanation := explain_foreign_setting(upper)):
        return f" {explanation}"
    return f" Did you mean {close[0]!r}?" if close else ""
