"""The accounts of the demo. Their password is public, so they are for the demo only."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User

USERNAME: Final = "ada"
STAFF: Final = "admin"
PASSWORD: Final = "demo-password"  # noqa: S105


class AccountTakenError(Exception):
    """A user with a name of the demo exists, with another password."""


def ensure_accounts() -> None:
    """Create Ada and the superuser unless an earlier demo has created them.

    Raises:
        AccountTakenError: one of the names belongs to another account.

    """
    known = User.objects.in_bulk([USERNAME, STAFF], field_name="username")
    # Checked before any change: these may be real accounts in a real database.
    for username, user in known.items():
        if not (user.is_active and user.check_password(PASSWORD)):
            raise AccountTakenError(
                f"The user {username!r} exists and was not created by the demo. "
                "Name another database in DATABASE_URL."
            )
    if USERNAME not in known:
        User.objects.create_user(USERNAME, password=PASSWORD, first_name="Ada")
    if STAFF not in known:
        User.objects.create_superuser(STAFF, password=PASSWORD)
