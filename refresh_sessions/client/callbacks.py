"""Callbacks: functions of the caller that supply fields of a request, such as a password."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from anyio import from_thread

Fields = Mapping[str, Any]
"""Fields of a request body."""

Callback = Callable[[], Fields | Awaitable[Fields]]
SecondFactor = Callable[[list[str]], Fields | Awaitable[Fields]]


def call(callback: Callable[[], Fields | Awaitable[Fields]]) -> Fields:
    """Call a callback, which may be a coroutine function if the caller is async."""
    result = callback()
    if isinstance(result, Mapping):
        return result
    if inspect.iscoroutine(result):
        try:
            # An error outside of anyio's worker threads.
            from_thread.check_cancelled()
        except RuntimeError:
            result.close()
            raise TypeError("A synchronous request needs a synchronous callback.") from None
    return from_thread.run(_wait, result)


async def _wait(result: Awaitable[Fields]) -> Fields:
    return await result
