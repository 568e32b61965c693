"""Extension classes of drf-spectacular for endpoints, authentication and component names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiViewExtension,
)
from drf_spectacular.plumbing import build_bearer_security_scheme_object

from refresh_sessions.rest_framework.schema.proofs import SCHEME, are_access_tokens_bound

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema
    from drf_spectacular.utils import Direction
    from rest_framework.views import APIView


class EndpointsExtension(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    """Describes the endpoints, and a project's subclasses of their views."""

    target_class = "refresh_sessions.rest_framework.views.base.SessionsAPIView"
    match_subclasses = True

    def view_replacement(self) -> type[APIView]:
        """The view with described operations for the settings in force."""
        from refresh_sessions.rest_framework.schema.operations import describe_view  # noqa: PLC0415

        return describe_view(self.target)


class LoginExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Names the component of ``LoginSerializer``: "Login" may collide with the project's."""

    target_class = "refresh_sessions.rest_framework.serializers.LoginSerializer"

    def get_name(self, auto_schema: AutoSchema, direction: Direction) -> str:
        """The name of the component."""
        return "SessionLogin"

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """The component with a description for API clients instead of the docstring."""
        component: dict[str, Any] = super().map_serializer(auto_schema, direction)
        return {**component, "description": "Credentials and the name of the device."}


class SessionExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Names the component of ``SessionSerializer``: "Session" may collide with the project's."""

    target_class = "refresh_sessions.rest_framework.serializers.SessionSerializer"

    def get_name(self, auto_schema: AutoSchema, direction: Direction) -> str:
        """The name of the component."""
        return "DeviceSession"


_TARGET: Final = "refresh_sessions.rest_framework.authentication.AccessTokenAuthentication"


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The security scheme of bearer tokens, and that of bound tokens if there are any.

    The scheme of a project's subclass is named after the class: drf-spectacular warns of two
    classes with the same scheme.
    """

    target_class = _TARGET
    match_subclasses = True
    name = "accessToken"

    def __init__(self, target: object) -> None:
        super().__init__(target)  # type: ignore[no-untyped-call]
        kind = target.__class__
        if f"{kind.__module__}.{kind.__name__}" != _TARGET:
            self.name = kind.__name__[0].lower() + kind.__name__[1:]
        if are_access_tokens_bound():
            self.name = [self.name, f"{self.name}WithProof"]  # type: ignore[assignment]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        """One of the schemes."""
        names = [self.name] if isinstance(self.name, str) else self.name
        return [{name: []} for name in names]

    def get_security_definition(self, auto_schema: AutoSchema) -> Any:
        """The OpenAPI security schemes of ``AccessTokenAuthentication``."""
        scheme: dict[str, Any] = build_bearer_security_scheme_object(
            header_name="Authorization",
            token_prefix="Bearer",  # noqa: S106  (the scheme of the header, not a password)
            bearer_format="JWT",
        )
        return scheme if isinstance(self.name, str) else [scheme, dict(SCHEME)]
