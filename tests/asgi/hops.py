"""Counts thread hops: calls of synchronous code from a coroutine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import SyncToAsync


@contextmanager
def recorded_hops() -> Iterator[list[str]]:
    """The names of the functions that coroutines called in a thread."""
    names: list[str] = []
    call = SyncToAsync.__call__

    async def record(self: Any, *args: Any, **kwargs: Any) -> Any:
        names.append(getattr(self.func, "__qualname__", repr(self.func)))
        return await call(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SyncToAsync, "__call__", record)
        yield names
