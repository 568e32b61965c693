"""Minting tokens for a family, each no longer lived than its session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.policies import get_policy
from refresh_sessions.sessions.auth_time import authenticated_at_for_generation
from refresh_sessions.tokens import access_tokens, refresh_tokens
from refresh_sessions.users import get_subject


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """What a client gets. ``refresh`` is None where it is to keep the one in its storage."""

    access: str = field(repr=False)
    access_expires_at: datetime
    refresh: str | None = field(repr=False)
    refresh_expires_at: datetime | None
    session: DeviceSession
    family: TokenFamily
    companion: str | None = field(default=None, repr=False)
    """The value of the companion cookie, after a login with ``TRANSPORT = "body"``."""
    repeated: bool = False
    """Whether a sibling got the same a moment ago, and no refresh token was issued anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """An encoded access token and the instant from which it is refused."""

    token: str = field(repr=False)
    expires_at: datetime


def get_extra_claims(session: DeviceSession, *, request: HttpRequest | None) -> Mapping[str, Any]:
    """What the policy adds to access tokens; ask before a change that must not be half done.

    Raises:
        ExtraClaimsError: it cannot go into a token.

    """
    extra = get_policy().access_token_claims(session.user, session=session, request=request)
    access_tokens.check_extra(extra)
    return extra


def issue_access(
    family: TokenFamily,
    *,
    generation: int,
    authenticated_at: datetime | None,
    now: datetime,
    request: HttpRequest | None,
    extra: Mapping[str, Any] | None = None,
) -> AccessToken:
    """Mint an access token for the holder of the refresh token of ``generation``.

    Args:
        family: with session, user and methods of authentication.
        generation: what the holder has.
        authenticated_at: when they proved who they are, if this token may vouch for it.
        now: the database's clock.
        request: for the policy object.
        extra: what ``get_extra_claims`` gave, where it was asked beforehand.

    """
    session = family.session
    lifetime = get_policy().access_token_lifetime(session.user, session=session, request=request)
    expires_at = _whole_seconds(min(now + lifetime, session.expires_at))
    claims = access_tokens.AccessClaims(
        subject=get_subject(session.user),
        session_id=session.pk,
        family_id=family.pk,
        generation=generation,
        authenticated_at=authenticated_at,
        authentication_methods=tuple(family.authentication_methods) if authenticated_at else (),
        issued_at=now,
        expires_at=expires_at,
        extra=get_extra_claims(session, request=request) if extra is None else extra,
    )
    return AccessToken(token=access_tokens.issue(claims), expires_at=expires_at)


def issue_pair(
    family: TokenFamily,
    *,
    secret: str,
    now: datetime,
    request: HttpRequest | None,
    extra: Mapping[str, Any] | None = None,
) -> TokenPair:
    """Mint access and refresh token for the family's newest generation."""
    token = issue_access(
        family,
        generation=family.generation,
        authenticated_at=authenticated_at_for_generation(family, family.generation),
        now=now,
        request=request,
        extra=extra,
    )
    refresh_token = refresh_tokens.issue(
        session_id=family.session_id,
        family_id=family.pk,
        generation=family.generation,
        expires_at=family.idle_expires_at,
        secret=secret,
    )
    return TokenPair(
        access=token.token,
        access_expires_at=token.expires_at,
        refresh=refresh_token,
        refresh_expires_at=_whole_seconds(family.idle_expires_at),
        session=family.session,
        family=family,
    )


def access_only(token: AccessToken, family: TokenFamily) -> TokenPair:
    """The answer to a client that is to keep the refresh token in its storage."""
    return TokenPair(
        access=token.token,
        access_expires_at=token.expires_at,
        refresh=None,
        refresh_expires_at=None,
        session=family.session,
        family=family,
        repeated=True,
    )


def get_idle_expiry(
    session: DeviceSession, *, now: datetime, request: HttpRequest | None
) -> datetime:
    """Until when a refresh token issued now is good; never past the hard expiry."""
    lifetime = get_policy().refresh_token_lifetime(session.user, session=session, request=request)
    return min(now + lifetime, session.expires_at)


def _whole_seconds(instant: datetime) -> datetime:
    # As the claim exp says it: the answer must not promise a moment more.
    return instant.replace(microsecond=0)
