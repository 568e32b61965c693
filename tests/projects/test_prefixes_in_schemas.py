"""The schema of endpoints below a prefix with variables, and mounted more than once."""

import re

import pytest

pytest.importorskip("drf_spectacular")

from django.urls import get_resolver
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema


@pytest.fixture
def schema(mount):
    reset_generator_stats()
    schema = SchemaGenerator(patterns=list(mount.patterns)).get_schema(public=True)
    assert not GENERATOR_STATS
    validate_schema(schema)
    return schema


def test_schema_has_prefix_variables_as_parameters(schema):
    for path, operations in schema["paths"].items():
        variables = set(re.findall(r"{(\w+)}", path))
        for operation in operations.values():
            named = operation.get("parameters", ())
            assert {item["name"] for item in named if item["in"] == "path"} == variables


def test_schema_describes_each_mount_completely(schema):
    endpoints = {str(url.pattern) for url in get_resolver("refresh_sessions.urls").url_patterns}
    mounts: dict[str, set[str]] = {}
    for path in schema["paths"]:
        prefix, _, rest = path.partition("/auth/")
        mounts.setdefault(prefix, set()).add(rest.replace("{session_id}", "<str:session_id>"))
    assert mounts
    assert all(described == endpoints for described in mounts.values())
