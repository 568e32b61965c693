"""Serializers of the endpoints' requests and responses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from rest_framework import serializers

from refresh_sessions.conf import RENAMABLE_FIELDS, get_settings
from refresh_sessions.models import DeviceSession
from refresh_sessions.models.sessions import NAME_LENGTH
from refresh_sessions.sessions import TokenPair
from refresh_sessions.sessions.issue import BEARER
from refresh_sessions.transports import get_transport

__all__ = ["LoginSerializer", "SessionSerializer"]

CREDENTIAL_LENGTH = 4096
TICKET_LENGTH = 65536


class RenamedFieldsMixin:
    """Renames fields as ``FIELD_NAMES`` says, in requests and responses."""

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()  # type: ignore[misc]
        renamed = {}
        for name, field in fields.items():
            public = get_settings().field_name(name) if name in RENAMABLE_FIELDS else name
            if public != name:
                field.source = field.source or name
            renamed[public] = field
        return renamed


class UTCDateTimeField(serializers.DateTimeField):
    """An instant in UTC and ISO 8601, independent of the project's ``DATETIME_FORMAT``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso-8601", default_timezone=UTC, **kwargs)


def represent_instant(instant: datetime) -> str:
    """An instant in the form of ``UTCDateTimeField``."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


class LoginSerializer(RenamedFieldsMixin, serializers.Serializer[Any]):
    """Credentials and the name of the device.

    Subclass it for more fields: the policy object receives their validated values as ``data``.
    """

    username = serializers.CharField(max_length=CREDENTIAL_LENGTH)
    # A password may begin and end with spaces (ASVS 6.2.8).
    password = serializers.CharField(max_length=CREDENTIAL_LENGTH, trim_whitespace=False)
    device_name = serializers.CharField(
        max_length=NAME_LENGTH, allow_blank=True, allow_null=True, required=False
    )


class SecondStepSerializer(RenamedFieldsMixin, serializers.Serializer[Any]):
    """A sign-in ticket and the name of the device; each method reads its own field."""

    ticket = serializers.CharField(max_length=TICKET_LENGTH)
    device_name = serializers.CharField(
        max_length=NAME_LENGTH, allow_blank=True, allow_null=True, required=False
    )


class SessionSerializer(serializers.ModelSerializer[DeviceSession]):
    """A device session for its owner; only ``name`` is writable."""

    name = serializers.CharField(max_length=NAME_LENGTH, allow_blank=True)
    device = serializers.CharField(read_only=True)
    place = serializers.CharField(read_only=True)
    created_at = UTCDateTimeField(read_only=True)
    last_used_at = UTCDateTimeField(read_only=True)
    expires_at = UTCDateTimeField(read_only=True)
    bound = serializers.CharField(
        read_only=True,
        allow_null=True,
        help_text="How the session is bound to a key of the device, such as `dpop`; null if it is "
        "not bound.",
    )
    is_current = serializers.SerializerMethodField()

    class Meta:
        model = DeviceSession
        fields = (
            *("id", "name", "device", "kind", "ip_address", "place"),
            *("created_at", "last_used_at", "expires_at", "bound", "is_current"),
        )
        read_only_fields = ("id", "kind", "ip_address")

    def update(self, instance: DeviceSession, validated_data: dict[str, Any]) -> DeviceSession:
        """Save only the given fields: another request may have revoked the session since."""
        for name, value in validated_data.items():
            setattr(instance, name, value)
        instance.save(update_fields=validated_data)
        return instance

    def to_representation(self, instance: DeviceSession) -> dict[str, Any]:
        """The fields of the session.

        Only subclasses use the fields of REST framework, which derives them from the model again
        for each response.
        """
        if type(self) is not SessionSerializer:
            represented: dict[str, Any] = super().to_representation(instance)
            return represented
        return {
            "id": str(instance.pk),
            "name": instance.name,
            "device": instance.device,
            "kind": instance.kind,
            "ip_address": instance.ip_address,
            "place": instance.place,
            "created_at": represent_instant(instance.created_at),
            "last_used_at": represent_instant(instance.last_used_at),
            "expires_at": represent_instant(instance.expires_at),
            "bound": instance.bound,
            "is_current": self.get_is_current(instance),
        }

    def get_is_current(self, session: DeviceSession) -> bool:
        """Whether this is the session of the request."""
        return session.pk == self.context.get("current_session_id")


def build_token_body(
    pair: TokenPair, *, request: HttpRequest, session: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The response body of a login or a refresh."""
    body: dict[str, Any] = {
        "access": pair.access,
        "access_expires_at": represent_instant(pair.access_expires_at),
    }
    if pair.token_type != BEARER:
        body["token_type"] = pair.token_type
    if pair.refresh is not None and pair.refresh_expires_at is not None:
        if get_transport(request).in_body:
            body["refresh"] = pair.refresh
        body["refresh_expires_at"] = represent_instant(pair.refresh_expires_at)
    if session is not None:
        body["session"] = session
    settings = get_settings()
    return {settings.field_name(name): value for name, value in body.items()}
