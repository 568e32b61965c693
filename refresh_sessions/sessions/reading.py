"""Reading what a token speaks of."""

from __future__ import annotations

from uuid import UUID

from refresh_sessions.exceptions import SessionRevokedError
from refresh_sessions.models import TokenFamily


def read_family(family_id: UUID, *, using: str) -> TokenFamily:
    """The family with its session, its user and the database's clock, in one SELECT.

    Raises:
        SessionRevokedError: it is gone, and its session with it.

    """
    try:
        return TokenFamily.objects.using(using).with_owner().get(pk=family_id)
    except TokenFamily.DoesNotExist:
        raise SessionRevokedError from None
