"""A project with second factors."""

from datetime import timedelta

from refresh_sessions.policies import SessionPolicy
from refresh_sessions.rest_framework.serializers import LoginSerializer

FACTORS = ("tests.factors.Code",)


class RememberSerializer(LoginSerializer):
    """A login serializer with one more field."""

    def get_fields(self):
        from rest_framework import serializers  # noqa: PLC0415

        return {**super().get_fields(), "remember_me": serializers.BooleanField(default=False)}


class RememberPolicy(SessionPolicy):
    def session_lifetime(self, user, *, request, data):
        return timedelta(days=30 if data["remember_me"] is True else 1)
