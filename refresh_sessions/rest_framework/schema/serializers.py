"""Serializers that describe requests and responses in the OpenAPI schema; no view uses them.

Their fields depend on the settings in force: ``FIELD_NAMES``, ``TRANSPORT`` and the authentication
methods. The name of a component is the class name without "Serializer"; the prefix "Session"
avoids collisions with components of the project.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

from django.utils.module_loading import import_string
from rest_framework import serializers

from refresh_sessions.conf import get_settings
from refresh_sessions.identity import configured_methods
from refresh_sessions.request_transport import TransportName, get_transport_name
from refresh_sessions.rest_framework.schema.proofs import are_access_tokens_bound
from refresh_sessions.rest_framework.serializers import (
    CREDENTIAL_LENGTH,
    RenamedFieldsMixin,
    SecondStepSerializer,
    UTCDateTimeField,
)

_Shape = serializers.Serializer[Any]


def _bound_token_type() -> serializers.CharField:
    return serializers.CharField(
        required=False,
        help_text='"DPoP" if the access token requires a proof; otherwise it is missing.',
    )


class TokensMixin:
    """Removes the fields that answers with these settings do not have."""

    transport: ClassVar[TransportName | None] = None
    """The transport of the described view; None for that of the settings."""

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()  # type: ignore[misc]
        if (self.transport or get_transport_name(None)) == "cookie":
            fields.pop("refresh", None)
        if not are_access_tokens_bound():
            fields.pop("token_type", None)
        if "session" in fields:
            fields["session"] = import_string(get_settings().SESSION_SERIALIZER)()
        return fields


class SessionRefreshedSerializer(RenamedFieldsMixin, TokensMixin, _Shape):
    """The response of a refresh."""

    access = serializers.CharField()
    access_expires_at = UTCDateTimeField()
    refresh = serializers.CharField(
        required=False, help_text="Store it; if it is missing, keep the stored token."
    )
    refresh_expires_at = UTCDateTimeField(required=False)
    token_type = _bound_token_type()


class SessionSignedInSerializer(RenamedFieldsMixin, TokensMixin, _Shape):
    """The response of a login."""

    access = serializers.CharField()
    access_expires_at = UTCDateTimeField()
    refresh = serializers.CharField()
    refresh_expires_at = UTCDateTimeField()
    token_type = _bound_token_type()
    session = serializers.JSONField()


class SessionFamilyOpenedSerializer(SessionSignedInSerializer):
    """The response of opening a token family."""

    current = SessionRefreshedSerializer(help_text="The rotated tokens of the caller's family.")


class SessionSteppedUpSerializer(SessionRefreshedSerializer):
    """The response of a re-authentication."""

    session = serializers.JSONField()


def with_transport(serializer: Any, transport: TransportName | None) -> Any:
    """A serializer for a view with a transport of its own, as another component.

    The name of the component says which transport: "SessionSignedInCookie".
    """
    if transport is None or transport == get_transport_name(None):
        return serializer
    if not (isinstance(serializer, type) and issubclass(serializer, TokensMixin)):
        return serializer
    found: Any = serializer
    return _derive(found, transport)


@cache
def _derive(serializer: Any, transport: TransportName) -> Any:
    # Cached: drf-spectacular compares the classes of components that have the same name.
    name = serializer.__name__.replace("Serializer", f"{transport.title()}Serializer")
    attributes = {"transport": transport, "__doc__": serializer.__doc__}
    return type(name, (serializer,), attributes)


class SessionRefreshSerializer(RenamedFieldsMixin, _Shape):
    """The request of a refresh."""

    refresh = serializers.CharField()


class SessionFamilyOpeningSerializer(SessionRefreshSerializer):
    """The request to open a token family."""

    dpop = serializers.CharField(
        required=False,
        help_text="A DPoP proof of the key of the new family; required in a bound session.",
    )


class SessionLogoutSerializer(RenamedFieldsMixin, _Shape):
    """The request of a logout; an access token in the header can replace ``refresh``."""

    refresh = serializers.CharField(required=False)


class MethodFieldsMixin:
    """Adds a field for each authentication method."""

    second_factors_only = False

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()  # type: ignore[misc]
        for method in configured_methods(second_factors_only=self.second_factors_only):
            fields[method.field] = serializers.CharField(
                required=False, max_length=CREDENTIAL_LENGTH, trim_whitespace=False
            )
        return fields


class SessionReauthenticationSerializer(MethodFieldsMixin, _Shape):
    """The request of a re-authentication."""


class SessionSecondStepSerializer(MethodFieldsMixin, SecondStepSerializer):
    """The second step of a login."""

    second_factors_only = True


class SessionReauthenticationMethodSerializer(_Shape):
    """An authentication method."""

    name = serializers.CharField(help_text="The field of the request for this method.")
    factor = serializers.ChoiceField(["first", "second"])


class SessionFreshnessSerializer(_Shape):
    """Whether a sensitive action requires a re-authentication, and the available methods."""

    # Declared fields do not replace the serializer's attribute of the same name.
    required = serializers.BooleanField(  # type: ignore[assignment]
        help_text="Whether a sensitive action requires a re-authentication now."
    )
    max_age = serializers.IntegerField(
        help_text="Maximum age of the last authentication in seconds."
    )
    methods = SessionReauthenticationMethodSerializer(many=True)
    authenticated_at = UTCDateTimeField(allow_null=True)


class SessionsRevokedSerializer(_Shape):
    """The number of revoked sessions."""

    revoked = serializers.IntegerField(min_value=0)


class SessionKeysSerializer(_Shape):
    """The public keys (RFC 7517)."""

    keys = serializers.ListField(child=serializers.DictField())


class SessionDeviceInstructionsSerializer(_Shape):
    """The session instructions of a device-bound session (W3C draft), or ``continue: false``."""

    session_identifier = serializers.CharField(required=False)
    refresh_url = serializers.CharField(required=False)
    scope = serializers.DictField(required=False)
    credentials = serializers.ListField(child=serializers.DictField(), required=False)
    allowed_refresh_initiators = serializers.ListField(
        child=serializers.CharField(), required=False
    )

    def get_fields(self) -> dict[str, Any]:
        ended = serializers.BooleanField(
            required=False, help_text="False: the session has ended, and the browser forgets it."
        )
        # A keyword of Python, so no attribute can have this name.
        return {**super().get_fields(), "continue": ended}


class SessionTokenSerializer(_Shape):
    """An access token or a refresh token."""

    token = serializers.CharField(min_length=1)
    token_type_hint = serializers.CharField(required=False)


class SessionGrantSerializer(_Shape):
    """A refresh token as an OAuth grant (RFC 6749 §6)."""

    grant_type = serializers.ChoiceField(["refresh_token"])
    refresh_token = serializers.CharField(min_length=1)


class SessionGrantedSerializer(_Shape):
    """The response to an OAuth grant (RFC 6749 §5.1)."""

    access_token = serializers.CharField()
    token_type = serializers.CharField(help_text='"Bearer", or "DPoP" for a bound token.')
    expires_in = serializers.IntegerField(min_value=0, help_text="Seconds.")
    refresh_token = serializers.CharField(
        required=False, help_text="Store it; if it is missing, keep the stored token."
    )


class SessionIntrospectionSerializer(_Shape):
    """Whether a token is active, and the claims of an active token (RFC 7662)."""

    active = serializers.BooleanField()


class SessionProblemSerializer(_Shape):
    """The body of every error; clients decide by ``code``."""

    detail = serializers.CharField()
    code = serializers.CharField()
    reason = serializers.CharField(required=False)
    errors = serializers.DictField(required=False)  # type: ignore[assignment]
    error = serializers.CharField(required=False)
    ticket = serializers.CharField(required=False)
    expires_at = UTCDateTimeField(required=False)
    methods = SessionReauthenticationMethodSerializer(many=True, required=False)
