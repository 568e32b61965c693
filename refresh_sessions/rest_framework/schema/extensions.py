"""Hooks of drf-spectacular: endpoints, authentication and component names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiViewExtension,
)
from drf_spectacular.plumbing import build_bearer_security_scheme_object

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema
    from drf_spectacular.utils import Direction
    from rest_framework.views import APIView


class EndpointsExtension(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    """All endpoints, and a project's subclasses of their views."""

    target_class = "refresh_sessions.rest_framework.views.base.SessionsAPIView"
    match_subclasses = True

    def view_replacement(self) -> type[APIView]:
        """The view with its operations described, by the settings in force."""
        from refresh_sessions.rest_framework.schema.operations import describe_view  # noqa: PLC0415

        return describe_view(self.target)


class LoginExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A project may well have a serializer called Login."""

    target_class = "refresh_sessions.rest_framework.serializers.LoginSerializer"

    def get_name(self, auto_schema: AutoSchema, direction: Direction) -> str:
        """The name of the component."""
        return "SessionLogin"

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """The component, without the words to those who write such classes."""
        component: dict[str, Any] = super().map_serializer(auto_schema, direction)
        return {**component, "description": "Credentials, and what the client calls its device."}


class SessionExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Or Session."""

    target_class = "refresh_sessions.rest_framework.serializers.SessionSerializer"

    def get_name(self, auto_schema: AutoSchema, direction: Direction) -> str:
        """The name of the component."""
        return "DeviceSession"


_TARGET: Final = "refresh_sessions.rest_framework.authentication.AccessTokenAuthentication"


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A bearer token.

    A project's subclass is a scheme of its own, by the name of the class: drf-spectacular warns of
    two classes that share one.
    """

    target_class = _TARGET
    match_subclasses = True
    name = "accessToken"

    def __init__(self, target: object) -> None:
        super().__init__(target)  # type: ignore[no-untyped-call]
        kind = target.__class__
        if f"{kind.__module__}.{kind.__name__}" != _TARGET:
            self.name = kind.__name__[0].lower() + kind.__name__[1:]

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """The security scheme that views with this class refer to."""
        scheme: dict[str, Any] = build_bearer_security_scheme_object(
            header_name="Authorization",
            token_prefix="Bearer",  # noqa: S106  (a word of the header, no password)
            bearer_format="JWT",
        )
        return scheme
