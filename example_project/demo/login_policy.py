"""An example of a policy: short sessions on shared computers.

The serializer adds a field to the login, and the policy reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from rest_framework import serializers

from example_project.demo import lifetimes
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.rest_framework.serializers import LoginSerializer

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


class SharedComputerLoginSerializer(LoginSerializer):
    """A login with the additional field ``shared_computer``."""

    shared_computer = serializers.BooleanField(default=False)


class SharedComputerPolicy(SessionPolicy):
    """The policy of the settings, with a shorter lifetime for shared computers."""

    def session_lifetime(
        self, user: AbstractBaseUser, *, request: HttpRequest | None, data: Mapping[str, Any]
    ) -> timedelta:
        """The time from login to the hard deadline."""
        if data.get("shared_computer"):
            return lifetimes.SHARED_COMPUTER_SESSION
        return super().session_lifetime(user, request=request, data=data)
