"""What the endpoints take and give, as serializers that only ever describe.

Their fields depend on the settings in force: names on ``FIELD_NAMES``, the refresh token's place
on ``TRANSPORT``, the ways to prove identity on the methods. Their names, without the last word,
are those of the components, so they begin with a word that few projects use.
"""

from __future__ import annotations

from typing import Any

from django.utils.module_loading import import_string
from rest_framework import serializers

from refresh_sessions.conf import get_settings
from refresh_sessions.identity import configured_methods
from refresh_sessions.rest_framework.serializers import (
    CREDENTIAL_LENGTH,
    RenamedFieldsMixin,
    SecondStepSerializer,
    UTCDateTimeField,
)
from refresh_sessions.transports import get_transport

_Shape = serializers.Serializer[Any]


class TokensMixin:
    """Without the refresh token where a cookie carries it."""

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()  # type: ignore[misc]
        if not get_transport(None).in_body:
            fields.pop("refresh", None)
        if "session" in fields:
            fields["session"] = import_string(get_settings().SESSION_SERIALIZER)()
        return fields


class SessionRefreshedSerializer(RenamedFieldsMixin, TokensMixin, _Shape):
    """The answer to a refresh."""

    access = serializers.CharField()
    access_expires_at = UTCDateTimeField()
    refresh = serializers.CharField(
        required=False, help_text="Store it. If it is missing, keep the stored one."
    )
    refresh_expires_at = UTCDateTimeField(required=False)


class SessionSignedInSerializer(RenamedFieldsMixin, TokensMixin, _Shape):
    """The answer to a sign-in."""

    access = serializers.CharField()
    access_expires_at = UTCDateTimeField()
    refresh = serializers.CharField()
    refresh_expires_at = UTCDateTimeField()
    session = serializers.JSONField()


class SessionFamilyOpenedSerializer(SessionSignedInSerializer):
    """The answer to opening a token family."""

    current = SessionRefreshedSerializer(help_text="The rotated tokens of the caller.")


class SessionSteppedUpSerializer(SessionRefreshedSerializer):
    """The answer to a step-up."""

    session = serializers.JSONField()


class SessionRefreshSerializer(RenamedFieldsMixin, _Shape):
    """A refresh token that is presented."""

    refresh = serializers.CharField()


class SessionLogoutSerializer(RenamedFieldsMixin, _Shape):
    """The same where an access token will do."""

    refresh = serializers.CharField(required=False)


class ProofMixin:
    """With a field for each method by which identity may be proven."""

    second_factors_only = False

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()  # type: ignore[misc]
        for method in configured_methods(second_factors_only=self.second_factors_only):
            fields[method.field] = serializers.CharField(
                required=False, max_length=CREDENTIAL_LENGTH, trim_whitespace=False
            )
        return fields


class SessionProofSerializer(ProofMixin, _Shape):
    """A proof of identity."""


class SessionSecondStepSerializer(ProofMixin, SecondStepSerializer):
    """The second step of a sign-in."""

    second_factors_only = True


class SessionProofMethodSerializer(_Shape):
    """A way to prove identity."""

    name = serializers.CharField(help_text="The request field for the credential.")
    factor = serializers.ChoiceField(["first", "second"])


class SessionFreshnessSerializer(_Shape):
    """What a sensitive action would find."""

    # Serializers have attributes of these names, which declared fields do not touch.
    required = serializers.BooleanField(  # type: ignore[assignment]
        help_text="Whether a sensitive action requires re-authentication."
    )
    max_age = serializers.IntegerField(
        help_text="Maximum age of the last authentication in seconds."
    )
    methods = SessionProofMethodSerializer(many=True)
    authenticated_at = UTCDateTimeField(allow_null=True)


class SessionsRevokedSerializer(_Shape):
    """How many sessions were ended."""

    revoked = serializers.IntegerField(min_value=0)


class SessionKeysSerializer(_Shape):
    """The public keys (RFC 7517)."""

    keys = serializers.ListField(child=serializers.DictField())


class SessionTokenSerializer(_Shape):
    """A token of either kind."""

    token = serializers.CharField(min_length=1)
    token_type_hint = serializers.CharField(required=False)


class SessionIntrospectionSerializer(_Shape):
    """Whether a token is good, and its claims if it is (RFC 7662)."""

    active = serializers.BooleanField()


class SessionProblemSerializer(_Shape):
    """Every failure; clients branch on ``code``."""

    detail = serializers.CharField()
    code = serializers.CharField()
    reason = serializers.CharField(required=False)
    errors = serializers.DictField(required=False)  # type: ignore[assignment]
    error = serializers.CharField(required=False)
    ticket = serializers.CharField(required=False)
    expires_at = UTCDateTimeField(required=False)
    methods = SessionProofMethodSerializer(many=True, required=False)
