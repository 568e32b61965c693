"""A newer password hasher than that of the tests' users."""

from contextlib import AbstractContextManager

from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import override_settings


class NewerHasher(MD5PasswordHasher):
    """A fast hasher for tests."""

    algorithm = "newer"


NEWER = f"{__name__}.{NewerHasher.__qualname__}"


def newer_hashers() -> AbstractContextManager[object]:
    """Upgrade the stored hash of each password checked in this context."""
    return override_settings(PASSWORD_HASHERS=[NEWER, *settings.PASSWORD_HASHERS])
