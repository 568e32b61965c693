"""Time that passes: stored times move into the past, and caches are empty."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from benchmarks.compare.subjects.base import Subject


def let_time_pass(subject: Subject, delta: timedelta) -> None:
    """Subtract a duration from every time that the package has stored.

    Signed tokens keep their times; all of them are valid for longer than the duration.
    """
    from django.core.cache import caches
    from django.db.models import F

    from refresh_sessions.cache.circuit import get_circuit

    for model, fields in _time_fields(subject):
        model._base_manager.update(**{name: F(name) - delta for name in fields})
    # Entries of the past are not found under another prefix. A clear() would also delete the
    # entries of other users of the server.
    for options in caches.settings.values():
        options["KEY_PREFIX"] = options.get("KEY_PREFIX", "") + "+"
    for cache in caches.all(initialized_only=True):
        cache.key_prefix += "+"
    # This package has an own cache object for Redis.
    get_circuit.reset()


def _time_fields(subject: Subject) -> Iterator[tuple[Any, list[str]]]:
    from django.apps import apps
    from django.db.models import DateTimeField

    labels = set(subject.apps)
    for config in apps.get_app_configs():
        if config.name not in labels:
            continue
        for model in config.get_models():
            fields = [f.name for f in model._meta.fields if isinstance(f, DateTimeField)]
            if fields:
                yield model, fields
