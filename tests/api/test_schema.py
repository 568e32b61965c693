"""The OpenAPI schema of drf-spectacular, with the extension of the package.

The client of the API tests compares each answer with the schema.
"""

import pytest

pytest.importorskip("drf_spectacular")

from django.urls import get_resolver, path
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.validation import validate_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.schemas.openapi import AutoSchema
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from refresh_sessions.rest_framework.authentication import AccessTokenAuthentication
from refresh_sessions.rest_framework.views import LoginView, RevokeAllView
from refresh_sessions.rest_framework.views.base import SessionsAPIView
from tests.api.openapi_comparison import described


class ShortSerializer(serializers.Serializer):
    """A session serializer of a project."""

    id = serializers.UUIDField()


def component(name):
    return described()["components"]["schemas"][name]["properties"]


def parameters(path, method="post"):
    return {
        parameter["name"]: parameter["in"]
        for parameter in described()["paths"][path][method].get("parameters", ())
    }


def test_schema_of_project_view_has_bearer_security():
    schema = SchemaGenerator().get_schema(public=True)
    scheme = schema["components"]["securitySchemes"]["accessToken"]
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")
    assert schema["paths"]["/who-am-i/"]["get"]["security"] == [{"accessToken": []}]


@pytest.mark.parametrize("options_", [{}, {"TRANSPORT": "cookie"}])
def test_schema_describes_each_endpoint_without_warning(options, options_):
    options(**options_)
    reset_generator_stats()
    schema = SchemaGenerator(urlconf="refresh_sessions.urls").get_schema(public=True)
    assert not GENERATOR_STATS
    validate_schema(schema)
    assert len(schema["paths"]) == len(get_resolver("refresh_sessions.urls").url_patterns)
    for operations in schema["paths"].values():
        for operation in operations.values():
            assert operation["description"]
            assert min(operation["responses"]) < "300"


class TestSecurity:
    @pytest.mark.parametrize(
        ("path", "security"),
        [
            ("/login/", [{}]),
            ("/refresh/", [{}]),
            ("/logout/", [{"accessToken": []}, {}]),
            ("/reauthenticate/", [{"accessToken": []}]),
            ("/sessions/revoke-all/", [{"accessToken": []}]),
            ("/introspect/", [{"basicAuth": []}]),
        ],
    )
    def test_schema_security_of_endpoint(self, path, security):
        assert described()["paths"][path]["post"]["security"] == security

    def test_schema_of_authentication_subclass_is_its_own_scheme(self):
        class EitherToken(AccessTokenAuthentication):
            pass

        class View(APIView):
            authentication_classes = (EitherToken,)
            permission_classes = (IsAuthenticated,)

            @extend_schema(responses=None)
            def get(self, request):
                return Response()

        reset_generator_stats()
        patterns = [path("a/", View.as_view()), path("b/", RevokeAllView.as_view())]
        schema = SchemaGenerator(patterns=patterns).get_schema(public=True)
        assert set(schema["components"]["securitySchemes"]) == {"accessToken", "eitherToken"}
        assert not GENERATOR_STATS


class TestSettings:
    def test_schema_field_names_follow_settings(self, options):
        options(FIELD_NAMES={"access": "accessToken", "username": "email"})
        assert "accessToken" in component("SessionSignedIn")
        assert "accessToken" in component("SessionRefreshed")
        assert {"email", "password", "device_name"} == set(component("SessionLogin"))

    def test_schema_with_cookie_transport_has_cookie_parameter(self, options):
        options(TRANSPORT="cookie", COOKIE_NAME="__Host-r")
        assert "refresh" not in component("SessionSignedIn")
        assert "refresh" not in component("SessionRefreshed")
        assert parameters("/refresh/")["__Host-r"] == "cookie"
        assert "requestBody" not in described()["paths"]["/refresh/"]["post"]
        assert "403" in described()["paths"]["/sessions/"]["get"]["responses"]

    def test_schema_with_body_transport_has_token_field(self):
        assert "refresh" in component("SessionSignedIn")
        assert parameters("/refresh/") == {"__Host-refresh_companion": "cookie"}
        assert "403" not in described()["paths"]["/sessions/"]["get"]["responses"]

    def test_schema_without_companion_has_no_cookie_parameter(self, options):
        options(COMPANION_COOKIE="off")
        assert "cookie" not in parameters("/refresh/").values()

    def test_schema_methods_follow_settings(self, options):
        assert set(component("SessionReauthentication")) == {"password"}
        options(SECOND_FACTORS=("tests.factors.Code",))
        assert set(component("SessionReauthentication")) == {"password", "code"}
        assert set(component("SessionSecondStep")) == {"ticket", "device_name", "code"}

    def test_schema_session_follows_session_serializer(self, options):
        options(SESSION_SERIALIZER="tests.api.test_schema.ShortSerializer")
        session = component("SessionSignedIn")["session"]
        assert session == {"$ref": "#/components/schemas/Short"}


class TestViews:
    def test_schema_describes_project_subclass_of_view(self):
        class OurLogin(LoginView):
            """A login view of a project."""

        schema = SchemaGenerator(patterns=[path("in/", OurLogin.as_view())]).get_schema(
            public=True
        )
        assert "429" in schema["paths"]["/in/"]["post"]["responses"]

    def test_schema_of_view_on_base_class_is_its_own(self):
        class Move(SessionsAPIView):
            @extend_schema(responses={204: None})
            def post(self, request):
                return Response(status=204)

        schema = SchemaGenerator(patterns=[path("move/", Move.as_view())]).get_schema(public=True)
        assert set(schema["paths"]["/move/"]["post"]["responses"]) == {"204"}

    def test_views_have_no_schema_for_other_generators(self, monkeypatch):
        """Other generators would ask the views for serializers, which they do not have."""
        assert LoginView.schema is not None
        monkeypatch.setattr(api_settings, "DEFAULT_SCHEMA_CLASS", AutoSchema, raising=False)
        assert LoginView.schema is None
