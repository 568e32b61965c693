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


@pytest.mark.parametrize(
    "options_",
    [{}, {"TRANSPORT": "cookie"}, {"DPOP_ACCESS_TOKENS": True, "DPOP_NONCE": True}],
)
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
        assert parameters("/refresh/") == {"__Host-refresh_companion": "cookie", "DPoP": "header"}
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


class TestProofs:
    """The header ``DPoP`` and its errors."""

    PATHS = (
        *("/login/", "/login/verify/", "/refresh/", "/refresh-token/", "/logout/", "/revoke/"),
        *("/reauthenticate/", "/sessions/branch/"),
    )

    def operations(self):
        return {
            (path, method): operation
            for path, operations in described()["paths"].items()
            for method, operation in operations.items()
        }

    def with_header(self):
        return {
            place
            for place, operation in self.operations().items()
            if any(one["name"] == "DPoP" for one in operation.get("parameters", ()))
        }

    def test_schema_has_header_where_a_bound_session_needs_a_proof(self):
        assert self.with_header() == {(path, "post") for path in self.PATHS}
        assert "headers" not in self.operations()["/refresh/", "post"]["responses"]["401"]

    def test_schema_without_dpop_has_no_header(self, options):
        options(DPOP="off", DPOP_ACCESS_TOKENS=True, DPOP_NONCE=True)
        assert self.with_header() == set()
        assert "accessTokenWithProof" not in described()["components"]["securitySchemes"]
        assert "token_type" not in component("SessionSignedIn")

    def test_schema_describes_errors_of_proofs(self):
        for endpoint in self.PATHS:
            answers = self.operations()[endpoint, "post"]["responses"]
            for code in ("invalid_dpop_proof", "reason", "use_dpop_nonce"):
                assert code in answers["401"]["description"], endpoint
        for endpoint in ("/login/", "/refresh/", "/reauthenticate/", "/sessions/branch/"):
            answers = self.operations()[endpoint, "post"]["responses"]
            assert "binding_required" in answers["403"]["description"]

    def test_schema_with_bound_access_tokens_has_header_and_scheme_everywhere(self, options):
        options(DPOP_ACCESS_TOKENS=True)
        scheme = described()["components"]["securitySchemes"]["accessTokenWithProof"]
        assert (scheme["type"], scheme["scheme"]) == ("http", "dpop")
        either = [{"accessToken": []}, {"accessTokenWithProof": []}]
        for place, operation in self.operations().items():
            takes_access_token = {"accessToken": []} in operation["security"]
            assert takes_access_token <= (place in self.with_header()), place
            if takes_access_token:
                assert operation["security"][:2] == either

    def test_schema_has_token_type_if_access_tokens_are_bound(self, options):
        for name in ("SessionSignedIn", "SessionRefreshed", "SessionSteppedUp"):
            options(DPOP_ACCESS_TOKENS=False)
            assert "token_type" not in component(name)
            options(DPOP_ACCESS_TOKENS=True)
            assert "token_type" in component(name)

    def test_schema_has_nonce_of_answers_if_nonces_are_on(self, options):
        options(DPOP_NONCE=True)
        for endpoint in self.PATHS:
            for status, answer in self.operations()[endpoint, "post"]["responses"].items():
                assert "DPoP-Nonce" in answer["headers"], (endpoint, status)

    def test_schema_has_proof_of_new_family(self):
        assert set(component("SessionFamilyOpening")) == {"refresh", "dpop"}

    def test_schema_session_says_how_it_is_bound(self):
        assert "null" in component("DeviceSession")["bound"]["type"]


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
