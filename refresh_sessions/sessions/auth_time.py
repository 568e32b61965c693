"""When the user last proved who they are, and for which tokens that counts.

A proof is given in one of three ways, and the row tells which: at sign-in or before the last
rotation (it goes with the line), by that rotation (it belongs to the newest tokens alone), or
after it, to a single access token (no refresh token may claim it, as somebody may have copied it).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from refresh_sessions.exceptions import ReauthenticationRequiredError
from refresh_sessions.identity import lacks_second_factor
from refresh_sessions.models import TokenFamily
from refresh_sessions.tokens.access_tokens import AccessClaims

_TICK: Final = timedelta(microseconds=1)


def authenticated_at_for_generation(family: TokenFamily, generation: int) -> datetime | None:
    """When the holder of the refresh token of ``generation`` gave proof, or None.

    None as well if these tokens may not vouch for it.
    """
    authenticated_at, rotated = family.authenticated_at, family.rotated_at
    if authenticated_at is None or rotated is None or authenticated_at < rotated:
        return authenticated_at
    by_rotation = authenticated_at == rotated and generation == family.generation
    return authenticated_at if by_rotation else None


def authenticated_at_beside_rotation(family: TokenFamily) -> datetime:
    """The instant of a proof that is given now, to an access token alone."""
    rotated = family.rotated_at
    # After the rotation by all means, also where the clock has not moved on.
    return family.now if rotated is None else max(family.now, rotated + _TICK)


def authenticated_at_for_token(family: TokenFamily, claims: AccessClaims) -> datetime | None:
    """When the holder of an access token gave proof, or None if the row knows of none.

    Both have to say the same. A token from before a step-up tells of an older proof; and a proof
    that was taken back is gone from the row.

    Args:
        family: its row.
        claims: of the access token; they have been checked against the row.

    """
    authenticated_at, claimed = family.authenticated_at, claims.authenticated_at
    if (
        authenticated_at is None
        or claimed is None
        or authenticated_at.replace(microsecond=0) != claimed
    ):
        return None
    same_methods = tuple(family.authentication_methods) == claims.authentication_methods
    return authenticated_at if same_methods else None


def is_recently_authenticated(
    family: TokenFamily,
    claims: AccessClaims,
    *,
    max_age: timedelta,
    methods: Collection[str] = (),
) -> bool:
    """Whether the user has proven who they are a short while ago, and fully.

    Fully: by all ``methods``, and by a second factor where they have one (ASVS 7.5.1).
    """
    authenticated_at = authenticated_at_for_token(family, claims)
    if authenticated_at is None or family.now - authenticated_at > max_age:
        return False
    given = claims.authentication_methods
    return set(methods) <= set(given) and not lacks_second_factor(family.session.user, given)


def require_recent_authentication(
    family: TokenFamily,
    claims: AccessClaims,
    *,
    max_age: timedelta,
    methods: Collection[str] = (),
    acr_values: str = "",
) -> None:
    """Let only those pass who proved their identity a short while ago (RFC 9470, ASVS 7.5.3).

    Args:
        family: as read by ``with_owner()``, with the database's clock.
        claims: of the access token that is presented.
        max_age: how old the proof may be.
        methods: all that it has to be made of, in the words of RFC 8176.
        acr_values: what to ask the client for.

    Raises:
        ReauthenticationRequiredError: there is no such proof, or it is older.

    """
    if not is_recently_authenticated(family, claims, max_age=max_age, methods=methods):
        raise ReauthenticationRequiredError(max_age, acr_values=acr_values)
