"""When the user last proved who they are, and for which tokens that counts."""

from __future__ import annotations

from datetime import datetime, timedelta

from refresh_sessions.exceptions import ReauthenticationRequiredError
from refresh_sessions.models import TokenFamily


def proof_of(family: TokenFamily, generation: int) -> datetime | None:
    """When the holder of ``generation`` gave proof, or None if these tokens may not vouch for it.

    A proof given at the last rotation belongs to that generation and to no older one.
    """
    proven = family.authenticated_at
    if proven is None or generation == family.generation or family.rotated_at is None:
        return proven
    return proven if proven < family.rotated_at else None


def require_fresh_proof(family: TokenFamily, generation: int, *, max_age: timedelta) -> None:
    """Let only those pass who proved their identity a short while ago (RFC 9470, ASVS 7.5.3).

    Args:
        family: as read by ``with_owner()``, with the database's clock.
        generation: of the access token that is presented.
        max_age: how old the proof may be.

    Raises:
        ReauthenticationRequiredError: there is no proof, or it is older.

    """
    proven = proof_of(family, generation)
    if proven is None or family.now - proven > max_age:
        raise ReauthenticationRequiredError(max_age)
