"""The optional OpenAPI extension."""

import pytest

pytest.importorskip("drf_spectacular")

from drf_spectacular.generators import SchemaGenerator


def test_views_of_a_project_are_said_to_take_a_bearer_token():
    schema = SchemaGenerator().get_schema(public=True)
    scheme = schema["components"]["securitySchemes"]["accessToken"]
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")
    assert schema["paths"]["/who-am-i/"]["get"]["security"] == [{"accessToken": []}]
