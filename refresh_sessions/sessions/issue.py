"""Token issue: access and refresh tokens of a family, within the deadline of its session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest

from refresh_sessions.conf import get_settings
from refresh_sessions.models import Binding, DeviceSession, TokenFamily
from refresh_sessions.policies import get_policy
from refresh_sessions.sessions.auth_time import authenticated_at_for_generation
from refresh_sessions.tokens import access_tokens, refresh_tokens
from refresh_sessions.users import get_subject

BEARER: Final = "Bearer"
DPOP: Final = "DPoP"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """The tokens for a client; ``refresh`` is None if the client keeps its stored token."""

    access: str = field(repr=False)
    access_expires_at: datetime
    refresh: str | None = field(repr=False)
    refresh_expires_at: datetime | None
    session: DeviceSession
    family: TokenFamily
    companion: str | None = field(default=None, repr=False)
    """The value of the companion cookie, after a login with ``TRANSPORT = "body"``."""
    token_type: str = BEARER
    """The scheme of the access token, "Bearer" or "DPoP"."""
    repeated: bool = False
    """Whether the pair repeats the response of a sibling, without a new refresh token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """An encoded access token and its expiry."""

    token: str = field(repr=False)
    expires_at: datetime
    token_type: str


def get_extra_claims(session: DeviceSession, *, request: HttpRequest | None) -> Mapping[str, Any]:
    """The extra claims of the policy. Call it before changes that an error must not follow.

    Raises:
        ExtraClaimsError: the claims are invalid.

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
    """Issue an access token for the client with the refresh token of ``generation``.

    Args:
        family: the family, with its session and user.
        generation: the generation of the client's refresh token.
        authenticated_at: when the user authenticated, or None if that does not apply.
        now: the database's clock.
        request: the request for the policy, or None.
        extra: the result of an earlier ``get_extra_claims``, or None.

    """
    session = family.session
    lifetime = get_policy().access_token_lifetime(session.user, session=session, request=request)
    expires_at = _truncate_to_seconds(min(now + lifetime, session.expires_at))
    key_thumbprint = _get_key_of_access_tokens(family)
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
        key_thumbprint=key_thumbprint,
    )
    return AccessToken(
        token=access_tokens.issue(claims),
        expires_at=expires_at,
        token_type=DPOP if key_thumbprint else BEARER,
    )


def issue_pair(
    family: TokenFamily,
    *,
    secret: str,
    now: datetime,
    request: HttpRequest | None,
    extra: Mapping[str, Any] | None = None,
) -> TokenPair:
    """Issue access and refresh token for the newest generation of a family."""
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
        refresh_expires_at=_truncate_to_seconds(family.idle_expires_at),
        session=family.session,
        family=family,
        token_type=token.token_type,
    )


def access_only(token: AccessToken, family: TokenFamily) -> TokenPair:
    """The pair for a client that keeps its stored refresh token."""
    return TokenPair(
        access=token.token,
        access_expires_at=token.expires_at,
        refresh=None,
        refresh_expires_at=None,
        session=family.session,
        family=family,
        token_type=token.token_type,
        repeated=True,
    )


def issue_by_access_token(
    family: TokenFamily,
    *,
    rotated: bool,
    generation: int,
    authenticated_at: datetime | None,
    request: HttpRequest | None,
    extra: Mapping[str, Any],
) -> TokenPair:
    """Issue tokens to the client of an access token, which presented no refresh token.

    Args:
        family: the family as written.
        rotated: whether the family was rotated; otherwise the client keeps its refresh token.
        generation: the generation of the access token.
        authenticated_at: the time of authentication for the new access token, if not rotated.
        request: the request for the policy, or None.
        extra: the extra claims of the policy.

    """
    now = family.now
    if rotated:
        secret = refresh_tokens.derive_secret(family.secret_digest)
        return issue_pair(family, secret=secret, now=now, request=request, extra=extra)
    token = issue_access(
        family,
        generation=generation,
        authenticated_at=authenticated_at,
        now=now,
        request=request,
        extra=extra,
    )
    return access_only(token, family)


def get_idle_expiry(
    session: DeviceSession, *, now: datetime, request: HttpRequest | None
) -> datetime:
    """The expiry of a refresh token issued now, at most the hard deadline."""
    lifetime = get_policy().refresh_token_lifetime(session.user, session=session, request=request)
    return min(now + lifetime, session.expires_at)


def _get_key_of_access_tokens(family: TokenFamily) -> str:
    """The key that access tokens of the family are bound to, or an empty text."""
    bound = family.binding == Binding.DPOP.value and get_settings().DPOP_ACCESS_TOKENS
    return family.key_thumbprint if bound else ""


def _truncate_to_seconds(instant: datetime) -> datetime:
    # The same value as the claim exp.
    return instant.replace(microsecond=0)
