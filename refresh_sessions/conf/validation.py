"""Validation of the value of ``REFRESH_SESSIONS``: what is wrong, with a hint for each problem."""

from __future__ import annotations

import difflib
import os
import re
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final, Literal, Union, cast, get_args, get_origin, get_type_hints

from refresh_sessions.conf.foreign_settings import explain_foreign_setting
from refresh_sessions.conf.settings import NAMESPACE, Settings
from refresh_sessions.conf.text_values import (
    NETWORK_WORDS,
    coerce_duration,
    find_network_problem,
    format_duration,
)

_COLLECTIONS: Final[Mapping[Any, str]] = {
    tuple: "a list of strings",
    Mapping: "a dict of strings",
    Sequence: "a list of keys, each a dict of strings or 'SECRET_KEY'",
}


def matches_type(value: Any, hint: Any) -> bool:
    """Whether a value is of the type; collections are looked into."""
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        return any(matches_type(value, option) for option in get_args(hint))
    if origin is Literal:
        return value in get_args(hint)
    if origin is tuple:
        # Settings are written as lists as often as not; they are stored as tuples.
        return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    if origin is Sequence:
        return isinstance(value, list | tuple) and all(_is_key_entry(item) for item in value)
    if origin is not None:
        return isinstance(value, Mapping) and all(
            isinstance(part, str) for pair in value.items() for part in pair
        )
    # bool is an int in Python, but True is no number of sessions.
    return isinstance(value, hint) and not (hint is int and isinstance(value, bool))


def _is_key_entry(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, Mapping)
        and all(isinstance(name, str) for name in value)
        and all(isinstance(item, str | os.PathLike) for item in value.values())
    )


def describe_type(hint: Any) -> str:
    """The type, in words for whoever set something else."""
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
"""The names in requests and answers that ``FIELD_NAMES`` may replace."""

_SECRETIVE: Final = ("KEYS", "REFRESH_KEYS", "INTROSPECTION_CLIENTS")
"""Settings whose values must not show in a message."""

_CLIENT_NAME: Final = re.compile(r"[A-Za-z0-9._~-]+")

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")

_TAKEN_FIELDS: Final = ("code", "current", "detail", "errors", "hint", "reason")

_HINTS: Final = get_type_hints(Settings)


def find_problems(raw: Any) -> Iterator[str]:
    """Say, one by one, what is wrong with a value for ``REFRESH_SESSIONS``."""
    if not isinstance(raw, Mapping):
        yield f"{NAMESPACE} must be a dict, not {type(raw).__name__}."
        return
    for key, value in raw.items():
        if key not in _HINTS:
            yield f"{NAMESPACE} has no setting {key!r}.{_remedy(str(key))}"
        elif not matches_type(value, _HINTS[key]):
            shown = repr(type(value) if key in _SECRETIVE else value)
            wanted = f"{describe_type(_HINTS[key])}{_suggest(key, value)}"
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
        no_limit = "; None means no limit" if matches_type(None, _HINTS[key]) else ""
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
                "'manage.py manage_session_keys client' makes it."
            )


def _network_problems(name: str, value: Iterable[str]) -> Iterator[str]:
    for network in value:
        if network in NETWORK_WORDS:
            continue
        if (word := network.strip().lower()) in NETWORK_WORDS:
            yield f"{name}: {network!r} is not a network; did you mean {word}?"
        elif (problem := find_network_problem(network)) is not None:
            yield f"{name}: {problem}{'' if problem.endswith('?') else '.'}"


def _suggest(key: str, value: Any) -> str:
    """The right way to write what was meant, where that can be said."""
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
    if own not in _HINTS and (explanation := explain_foreign_setting(own)):
        return f" {explanation}"
    return f" Did you mean {close[0]!r}?" if close else ""
