"""Checking an access token against its session, on every request."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.exceptions import ObjectDoesNotExist
from django.db import Error, router
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions import lazy_users
from refresh_sessions.account_access import may_continue
from refresh_sessions.conf import get_settings
from refresh_sessions.database import (
    DatabaseNow,
    after_commit,
    close_broken_connection,
    retry_transient,
)
from refresh_sessions.exceptions import (
    ExpiredTokenError,
    InvalidTokenError,
    SessionRevokedError,
    SupersededTokenError,
)
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.redaction import hide
from refresh_sessions.sessions import access_cache
from refresh_sessions.sessions.account_changes import revoke_after_refusal
from refresh_sessions.sessions.queries import read_family
from refresh_sessions.tenants import is_this_environment
from refresh_sessions.tokens import access_tokens
from refresh_sessions.users import get_subject, get_user_by_subject

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

logger = logging.getLogger("refresh_sessions")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGrant:
    """What an accepted access token stands for; ``request.auth`` in views.

    ``family`` and its session are there when the database was asked; with
    ``ACCESS_TOKEN_CHECK`` "cache" or "stateless" they may be None, and ``user`` is then loaded
    when it is first used, as Django's ``request.user`` is. Coroutines use ``auser()``.

    The claims can be read by their names in the token, as other packages' ``request.auth`` has
    them: ``grant["sub"]``, ``grant.get("tenant")``, ``"tenant" in grant``, ``dict(grant)``.
    """

    user: AbstractBaseUser
    claims: access_tokens.AccessClaims
    family: TokenFamily | None = field(default=None)

    async def auser(self) -> AbstractBaseUser:
        """The user, loaded from the database if that has not happened yet.

        Raises:
            InvalidTokenError: the account was deleted or may not continue.
            DatabaseBusyError: the database did not answer in several tries.

        """
        user: AbstractBaseUser = await sync_to_async(lazy_users.load_user)(self.user)
        return user

    @property
    def session_id(self) -> UUID:
        """The id of the device session."""
        return self.claims.session_id

    @property
    def session(self) -> DeviceSession | None:
        """The device session, if the database was asked."""
        return self.family.session if self.family else None

    @property
    def payload(self) -> dict[str, Any]:
        """All claims of the token as JSON has them: ``exp`` in seconds, ids as text."""
        return access_tokens.get_payload(self.claims)

    def __getitem__(self, name: str) -> Any:
        """One claim; ``KeyError`` if the token has none of this name."""
        return self.payload[name]

    def __contains__(self, name: object) -> bool:
        """Whether the token has a claim of this name."""
        return name in self.payload

    def __iter__(self) -> Iterator[str]:
        """The names of the claims."""
        return iter(self.payload)

    def keys(self) -> Iterable[str]:
        """The names of the claims; with them ``dict(grant)`` works."""
        return self.payload.keys()

    def get(self, name: str, default: Any = None) -> Any:
        """One claim, or ``default`` if the token has none of this name."""
        return self.payload.get(name, default)


@sensitive_variables()
def check_access_token(
    token: str, *, in_database: bool = False, request: HttpRequest | None = None
) -> AccessGrant:
    """Verify an access token and check that its session lives.

    With ``ACCESS_TOKEN_CHECK = "session"`` that is one SELECT, which brings the user along.

    Args:
        token: the compact serialization.
        in_database: ask the database whatever ``ACCESS_TOKEN_CHECK`` says.
        request: for the policy; and for the address, if the session is found to be locked out by
            its account and revoked: in a transaction of the request's, once its response is
            closed.

    Raises:
        InvalidTokenError: we did not issue it, or it has expired or been superseded.
        SessionRevokedError: its session has ended.
        DatabaseBusyError: the database did not answer in several tries.

    """
    token = hide(token)
    claims = access_tokens.verify(token)
    check = "session" if in_database else get_settings().ACCESS_TOKEN_CHECK
    if check != "session" and not is_this_environment(claims.environment):
        # Another environment with the same keys has issued it, or a process that reaches the
        # same database under another address: only the row tells.
        check = "session"
    using = router.db_for_write(TokenFamily)
    if check == "stateless":
        return _check_cached(claims, using, request=request)
    if check == "cache":
        snapshot = access_cache.get(claims.session_id, claims.family_id)
        if snapshot and snapshot.subject == claims.subject and _is_in_use(claims, snapshot):
            return _check_cached(claims, using, request=request, backend=snapshot.backend)
    family = _read(claims, using, request)
    _check_or_revoke(claims, family, request)
    _confirm_delivery(claims, family, using)
    if check == "cache":
        _cache_snapshot(claims, family)
    return AccessGrant(user=family.session.user, claims=claims, family=family)


def check_access_token_and_load_user(
    token: str, *, in_database: bool = False, request: HttpRequest | None = None
) -> AccessGrant:
    """Check as ``check_access_token`` does, and load the user: for coroutines, which must not.

    With ``ACCESS_TOKEN_CHECK`` "cache" or "stateless" that is one SELECT more.

    Raises:
        InvalidTokenError: as above; or the account was deleted or may not continue.
        SessionRevokedError: its session has ended.
        DatabaseBusyError: the database did not answer in several tries.

    """
    grant = check_access_token(token, in_database=in_database, request=request)
    lazy_users.load_user(grant.user)
    return grant


def read_grant(grant: AccessGrant, *, request: HttpRequest | None = None) -> TokenFamily:
    """The family behind an accepted access token, in its present state.

    One SELECT, unless checking the token has just read it.

    Args:
        grant: what ``check_access_token`` gave for the access token.
        request: as for ``check_access_token``.

    Raises:
        InvalidTokenError: the token has expired or been superseded.
        SessionRevokedError: its session has ended.
        DatabaseBusyError: the database did not answer in several tries.

    """
    if grant.family is not None:
        return grant.family
    using = router.db_for_write(TokenFamily)
    family = _read(grant.claims, using, request)
    _check_or_revoke(grant.claims, family, request)
    return family


def _read(
    claims: access_tokens.AccessClaims, using: str, request: HttpRequest | None
) -> TokenFamily:
    return retry_transient(
        using, lambda: read_family(claims.family_id, using=using, request=request)
    )


def check_state(claims: access_tokens.AccessClaims, family: TokenFamily) -> None:
    """Raise unless session, family, user and generation are all still good."""
    session = family.session
    if session.pk != claims.session_id or get_subject(session.user) != claims.subject:
        raise InvalidTokenError
    if session.revoked_at is not None or family.closed_at is not None:
        raise SessionRevokedError
    if not family.account_permits:
        raise SessionRevokedError
    # The client is told to refresh, and learns there which limit was reached.
    if family.now >= min(session.expires_at, family.idle_expires_at):
        raise ExpiredTokenError
    if not _is_in_use(claims, family):
        raise SupersededTokenError


def _check_or_revoke(
    claims: access_tokens.AccessClaims, family: TokenFamily, request: HttpRequest | None
) -> None:
    try:
        check_state(claims, family)
    except SessionRevokedError:
        # Else the session would be usable again as soon as the account is as it was.
        revoke_after_refusal(family.session, request=request)
        raise


def _is_in_use(
    claims: access_tokens.AccessClaims, state: TokenFamily | access_cache.Snapshot
) -> bool:
    # A lineage that was taken back loses its access tokens at once; the generation before the
    # newest keeps them, as siblings of the client that rotated still use them.
    return claims.generation in {state.generation, state.redeemable_generation}


def _confirm_delivery(claims: access_tokens.AccessClaims, family: TokenFamily, using: str) -> None:
    """Note once per generation that its client has received it: the token before is then dead."""
    if (
        claims.generation == family.generation
        and family.redeemable_generation is not None
        and family.delivered_at is None
        and _is_stored_by_now(family)
    ):
        # After the request's own transaction, or the row would stay locked for as long as that
        # lasts. If it is rolled back, the next request brings the same evidence.
        after_commit(using, lambda: _mark_delivered(family, using))


def _is_stored_by_now(family: TokenFamily) -> bool:
    """Whether a client that crashes now would still find its refresh token in its storage."""
    after = get_settings().CONFIRM_DELIVERY_AFTER
    rotated_at = family.rotated_at
    return after is not None and (rotated_at is None or family.now - rotated_at >= after)


def _mark_delivered(family: TokenFamily, using: str) -> None:
    try:
        TokenFamily.objects.using(using).filter(
            pk=family.pk, generation=family.generation, delivered_at__isnull=True
        ).update(delivered_at=DatabaseNow())
    except Error as error:
        # The next request brings the same evidence; this one need not fail for it.
        logger.warning("Delivery of generation %d not noted: %s", family.generation, error)
        close_broken_connection(error, using)


def _cache_snapshot(claims: access_tokens.AccessClaims, family: TokenFamily) -> None:
    access_cache.store(
        family.pk,
        access_cache.Snapshot(
            generation=family.generation,
            redeemable_generation=family.redeemable_generation,
            subject=claims.subject,
            backend=family.session.backend,
        ),
    )


def _check_cached(
    claims: access_tokens.AccessClaims,
    using: str,
    *,
    request: HttpRequest | None,
    backend: str = "",
) -> AccessGrant:
    def accepts(user: AbstractBaseUser) -> bool:
        return may_continue(user, backend=backend, session=None, request=request)

    try:
        user = get_user_by_subject(claims.subject, using=using, accepts=accepts)
    except ObjectDoesNotExist:
        raise InvalidTokenError from None
    return AccessGrant(user=user, claims=claims)
