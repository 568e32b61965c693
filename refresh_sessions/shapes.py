"""The types that settings have: whether a value fits one, and how it is called."""

from __future__ import annotations

import os
import types
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal, Union, get_args, get_origin

_COLLECTIONS: Final[Mapping[Any, str]] = {
    tuple: "a list of strings",
    Mapping: "a dict of strings",
    Sequence: "a list of keys, each a dict of strings or 'SECRET_KEY'",
}


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type; collections are looked into."""
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        return any(fits(value, option) for option in get_args(hint))
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


def describe(hint: Any) -> str:
    """The type, in words for whoever set something else."""
    if get_origin(hint) is Literal:
        return " or ".join(repr(option) for option in get_args(hint))
    if get_origin(hint) in {Union, types.UnionType}:
        return " or ".join(describe(option) for option in get_args(hint))
    if hint is types.NoneType:
        return "None"
    if hint is timedelta:
        return "a timedelta"
    return _COLLECTIONS.get(get_origin(hint)) or f"of type {hint.__name__}"
