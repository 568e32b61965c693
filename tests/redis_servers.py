"""Redis servers of the tests' own, from ``scripts/redis_clusters.py``."""

import shutil
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"

needs_redis = pytest.mark.skipif(
    not (find_spec("redis") and shutil.which("redis-server") and shutil.which("redis-cli")),
    reason="redis or redis-server is not installed",
)


def redis_clusters() -> Any:
    return import_script("redis_clusters")


def import_script(name: str) -> Any:
    """Import a module of ``scripts``, which is not a package."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        return import_module(name)
    finally:
        sys.path.remove(str(SCRIPTS))


def redis_cache(*urls: str, **options: Any) -> dict[str, Any]:
    """Return CACHES with Django's RedisCache."""
    backend = "django.core.cache.backends.redis.RedisCache"
    return {"default": {"BACKEND": backend, "LOCATION": list(urls), "OPTIONS": options}}
