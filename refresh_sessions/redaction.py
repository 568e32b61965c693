"""Passwords and tokens that show in no repr: not as a local variable, nor within an object.

Error trackers collect the repr of each local variable of a traceback, and know nothing of
``sensitive_variables``. So secrets are hidden where they come in, and stay text in every other
way: they are compared, hashed, stored and encoded to JSON as any ``str``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, TypeVar, overload

MASK: Final = "********"

_Other = TypeVar("_Other")


class HiddenStr(str):
    """A text whose repr tells nothing. What is made of it, such as a slice, is plain text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)

    def __str__(self) -> str:
        # Not a plain copy: serializers call str() on what they validate.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # A slice is plain text; str() is not, and would be pickled for ever.
        return HiddenStr, (self[:],)


class HiddenBytes(bytes):
    """Bytes whose repr tells nothing."""

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
    """The same text or bytes without a telling repr; anything else as it is."""
    if isinstance(value, str):
        return HiddenStr(value)
    return HiddenBytes(value) if isinstance(value, bytes) else value


def hide_items(values: Mapping[str, Any], *, shown: Collection[str] = ()) -> dict[str, Any]:
    """A dict with the texts of ``values`` hidden, but for those of the names ``shown``."""
    return {
        name: values[name] if name in shown else hide(values[name])
        for name in values  # By name: a QueryDict has lists for items.
    }


def hide_within(content: Any, *, shown: Collection[str] = ()) -> Any:
    """Hide all texts within what a parser has made, but for those of the names ``shown``.

    In place, and without recursion: the client chooses the depth.
    """
    if isinstance(content, dict):
        todo = [value for name, value in content.items() if name not in shown]
        content.update(hide_items(content, shown=shown))
    elif isinstance(content, list):
        todo = [content]
    else:
        return hide(content)
    while todo:
        container = todo.pop()
        if isinstance(container, dict):
            container.update(hide_items(container))
            todo.extend(container.values())
        elif isinstance(container, list):
            container[:] = map(hide, container)
            todo.extend(container)
    return content


def mask_values(content: Any, *, shown: Collection[str] = ()) -> dict[str, Any]:
    """The names of a JSON object, with a mask for each value that may be a secret."""
    if not isinstance(content, Mapping):
        return {}
    return {
        name: value if name in shown or value is None or isinstance(value, bool) else MASK
        for name, value in content.items()
    }
