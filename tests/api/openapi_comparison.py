"""Compares answers with the OpenAPI description, if drf-spectacular is installed."""

import re
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from refresh_sessions.conf import get_settings

ANYWAY = {405, 406}
"""Statuses that the description does not list."""


def check_description(answer: Any, *, method: str, path: str) -> None:
    """Check status and body against the operation."""
    if find_spec("drf_spectacular") is None or answer.status_code in ANYWAY:
        return
    operation = operation_of(method, path)
    if operation is None:
        return
    responses = operation["responses"]
    assert str(answer.status_code) in responses, f"{method} {path}: {answer.status_code}"
    content = responses[str(answer.status_code)].get("content")
    if content is None:
        assert answer.content == b""
    else:
        validate(answer.json(), content["application/json"]["schema"])


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """Return the operation for a path below ``/auth/``, if the description has one."""
    bare = path.partition("?")[0]
    for template, operations in described()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), f"/{bare}") and (
            "{" not in template or f"/{bare}" not in described()["paths"]
        ):
            found: dict[str, Any] | None = operations.get(method)
            return found
    return None


def described() -> dict[str, Any]:
    """Return the description of the package for the current settings."""
    settings = get_settings()
    return _described(repr(settings))


def validate(body: Any, schema: dict[str, Any]) -> None:
    """Check a body against a schema of the description."""
    # A dependency of drf-spectacular, without types.
    jsonschema = import_module("jsonschema")
    document = {**schema, "components": described()["components"]}
    jsonschema.Draft202012Validator(document).validate(body)


@lru_cache(maxsize=64)
def _described(_settings: str) -> dict[str, Any]:
    from drf_spectacular.generators import SchemaGenerator  # noqa: PLC0415
    from drf_spectacular.settings import patched_settings  # noqa: PLC0415

    # Of version 3.1, whose schemas are JSON Schema.
    with patched_settings({"OAS_VERSION": "3.1.0"}):
        generator = SchemaGenerator(urlconf="refresh_sessions.urls")
        schema: dict[str, Any] = generator.get_schema(public=True)
    return schema
