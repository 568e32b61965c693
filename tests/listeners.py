"""Receivers of signals for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.dispatch import Signal


@contextmanager
def heard(signal: Signal) -> Iterator[list[dict[str, Any]]]:
    """Collect the arguments of a signal."""
    received: list[dict[str, Any]] = []

    def listen(**kwargs: Any) -> None:
        received.append(kwargs)

    signal.connect(listen, weak=False)
    try:
        yield received
    finally:
        signal.disconnect(listen)
