"""Authentication time: when the user last authenticated, and for which tokens that applies.

The row of a family distinguishes three cases by comparing ``authenticated_at`` and ``rotated_at``:

- Before the last rotation, as at login: applies to all tokens of the family.
- At the last rotation, which a re-authentication made: applies to the newest generation.
- After the last rotation: applies to one access token. It applies to no refresh token, as an
  attacker may have a copy.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from refresh_sessions.exceptions import ReauthenticationRequiredError
from refresh_sessions.identity import lacks_second_factor
from refresh_sessions.models import TokenFamily
from refresh_sessions.tokens.access_tokens import AccessClaims

_RESOLUTION: Final = timedelta(microseconds=1)


def authenticated_at_for_generation(family: TokenFamily, generation: int) -> datetime | None:
    """When the user authenticated, as far as the refresh token of ``generation`` may claim it.

    None if there is no authentication, or if it does not apply to this generation.
    """
    authenticated_at, rotated = family.authenticated_at, family.rotated_at
    if authenticated_at is None or rotated is None or authenticated_at < rotated:
        return authenticated_at
    by_rotation = authenticated_at == rotated and generation == family.generation
    return authenticated_at if by_rotation else None


def authenticated_at_beside_rotation(family: TokenFamily) -> datetime:
    """The instant of a re-authentication that applies to one access token only."""
    rotated = family.rotated_at
    # Later than the rotation even if the clock shows the same instant.
    return family.now if rotated is None else max(family.now, rotated + _RESOLUTION)


def authenticated_at_for_token(family: TokenFamily, claims: AccessClaims) -> datetime | None:
    """When the user authenticated, if row and access token agree; otherwise None.

    A token from before a re-authentication claims an older instant. A recovery removes the instant
    from the row.

    Args:
        family: the family of the token.
        claims: the claims of the access token, already checked against the family.

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
    """Whether the user has authenticated within ``max_age`` with all required methods.

    Required are all ``methods``, and a second factor if the user has one (ASVS 7.5.1).
    """
    authenticated_at = authenticated_at_for_token(family, claims)
    if authenticated_at is None or family.now - authenticated_at > max_age:
        return False
    amr = claims.authentication_methods
    return set(methods) <= set(amr) and not lacks_second_factor(family.session.user, amr)


def require_recent_authentication(
    family: TokenFamily,
    claims: AccessClaims,
    *,
    max_age: timedelta,
    methods: Collection[str] = (),
    acr_values: str = "",
) -> None:
    """Require a recent authentication for a sensitive action (RFC 9470, ASVS 7.5.3).

    Args:
        family: the family as read by ``with_owner()``, with the database's clock.
        claims: the claims of the access token.
        max_age: the maximum age of the authentication.
        methods: the required methods, as authentication method references of RFC 8176.
        acr_values: the authentication context classes for the response, as in RFC 9470.

    Raises:
        ReauthenticationRequiredError: no authentication meets these requirements.

    """
    if not is_recently_authenticated(family, claims, max_age=max_age, methods=methods):
        raise ReauthenticationRequiredError(max_age, acr_values=acr_values)
