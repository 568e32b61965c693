"""An example of a policy: who signs in on a shared computer is signed out soon.

Two classes do it. A serializer takes one more field at sign-in, and the policy object reads it.
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
    """Asks one thing more than user name and password."""

    shared_computer = serializers.BooleanField(default=False)


class SharedComputerPolicy(SessionPolicy):
    """Everything as the settings say, but for shared computers."""

    def session_lifetime(
        self, user: AbstractBaseUser, *, request: HttpRequest | None, data: Mapping[str, Any]
    ) -> timedelta:
        """From sign-in to the hard expiry."""
        if data.get("shared_computer"):
            return lifetimes.SHARED_COMPUTER_SESSION
        return super().session_lifetime(user, request=request, data=data)
