"""Redaction: strings and bytes whose repr hides passwords and tokens.

Error trackers collect the repr of the local variables in a traceback, without regard to
``sensitive_variables``. So secrets are wrapped as soon as a request is read. In every other way
they behave like ``str`` and ``bytes``: comparison, hashing, storage, JSON.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, TypeVar, overload

MASK: Final = "********"

_Other = TypeVar("_Other")


class HiddenStr(str):
    """A string with a masked repr. Results of its methods, such as slices, are plain strings."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)

    def __str__(self) -> str:
        # Not a plain copy: serializers call str() on their input.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # A slice is a plain string. str() returns self, and pickling it would recurse forever.
        return HiddenStr, (self[:],)


class HiddenBytes(bytes):
    """Bytes with a masked repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)

    __str__ = __repr__

    def __reduce__(self) -> tuple[Any, ...]:
        return HiddenBytes, (self[:],)


@overload
def hide(value: str) -> str: ...
@overload
def hide(value: bytes) -> bytes: ...
@overload
def hide(value: _Other) -> _Other: ...
def hide(value: Any) -> Any:
    """Return strings and bytes with a masked repr, and other values unchanged."""
    if isinstance(value, str):
        return value if type(value) is HiddenStr else HiddenStr(value)
    return HiddenBytes(value) if isinstance(value, bytes) else value


def hide_items(values: Mapping[str, Any], *, shown: Collection[str] = ()) -> dict[str, Any]:
    """Return a dict with hidden strings; the values of the names ``shown`` stay unchanged."""
    return {
        name: values[name] if name in shown else hide(values[name])
        for name in values  # The items of a QueryDict would be lists.
    }


def hide_item(values: dict[str, Any], name: str) -> dict[str, Any]:
    """Hide the value of ``name`` in place, if there is one; return the same dict."""
    if name in values:
        values[name] = hide(values[name])
    return values


def hide_within(content: Any, *, shown: Collection[str] = ()) -> Any:
    """Hide all strings in parsed content; the values of the names ``shown`` stay unchanged.

    Works in place and without recursion, as the client chooses the depth.

    Args:
        content: the result of a parser, such as nested dicts and lists.
        shown: names at the top level whose values are not secret.

    Returns:
        The same object, or its hidden copy for strings and bytes.

    """
    if isinstance(content, dict):
        pending = [value for name, value in content.items() if name not in shown]
        content.update(hide_items(content, shown=shown))
    elif isinstance(content, list):
        pending = [content]
    else:
        return hide(content)
    while pending:
        container = pending.pop()
        if isinstance(container, dict):
            container.update(hide_items(container))
            pending.extend(container.values())
        elif isinstance(container, list):
            container[:] = map(hide, container)
            pending.extend(container)
    return content


def mask_values(content: Any, *, shown: Collection[str] = ()) -> dict[str, Any]:
    """A copy of a JSON object in which a mask replaces each value that may be secret."""
    if not isinstance(content, Mapping):
        return {}
    return {
        name: value if name in shown or value is None or isinstance(value, bool) else MASK
        for name, value in content.items()
    }
