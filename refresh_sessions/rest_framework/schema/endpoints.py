"""Hooks of drf-spectacular: each endpoint described, and names that are free in most projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiViewExtension

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema
    from drf_spectacular.utils import Direction
    from rest_framework.views import APIView


class EndpointsExtension(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    """All endpoints, and a project's subclasses of their views."""

    target_class = "refresh_sessions.rest_framework.views.base.ContractView"
    match_subclasses = True

    def view_replacement(self) -> type[APIView]:
        """The view with its operations described, by the settings in force."""
        from refresh_sessions.rest_framework.schema.operations import described  # noqa: PLC0415

        return described(self.target)


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
