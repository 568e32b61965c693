"""Hashers of passwords that have changed since the users of the tests got theirs."""

from contextlib import AbstractContextManager

from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import override_settings


class NewerHasher(MD5PasswordHasher):
    """Quick, for the tests."""

    algorithm = "newer"


NEWER = f"{__name__}.{NewerHasher.__qualname__}"


def newer_hashers() -> AbstractContextManager[object]:
    """Have passwords that are checked meanwhile stored anew."""
    return override_settings(PASSWORD_HASHERS=[NEWER, *settings.PASSWORD_HASHERS])
