"""Access check: verify an access token and the state of its session, on every request."""

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
from refresh_sessions.sessions.key_binding import check_access_token_key
from refresh_sessions.sessions.queries import read_family
from refresh_sessions.tenants import is_this_environment, may_depend_on_thread
from refresh_sessions.tokens import access_tokens
from refresh_sessions.users import get_subject, get_user_by_subject, subject_is_primary_key

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

logger = logging.getLogger("refresh_sessions")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGrant:
    """The user and claims of an accepted access token; ``request.auth`` in views.

    With ``ACCESS_TOKEN_CHECK`` "cache" or "stateless", ``family`` and ``session`` may be None. The
    user is then loaded on first use, like Django's ``request.user``. Coroutines use ``auser()``.

    The grant is also a mapping of the claims, for compatibility with other packages:
    ``grant["sub"]``, ``grant.get("tenant")``, ``"tenant" in grant``, ``dict(grant)``.
    """

    user: AbstractBaseUser
    claims: access_tokens.AccessClaims
    family: TokenFamily | None = field(default=None)

    async def auser(self) -> AbstractBaseUser:
        """The user, loaded from the database if necessary.

        Raises:
            InvalidTokenError: the account was deleted or may not continue.
            DatabaseBusyError: every attempt failed with a transient database error.

        """
        if lazy_users.is_loaded(self.user):
            return self.user
        user: AbstractBaseUser = await sync_to_async(lazy_users.load_user)(self.user)
        return user

    @property
    def session_id(self) -> UUID:
        """The id of the device session."""
        return self.claims.session_id

    @property
    def session(self) -> DeviceSession | None:
        """The device session, or None if the check read no row."""
        return self.family.session if self.family else None

    @property
    def payload(self) -> dict[str, Any]:
        """All claims of the token as JSON values."""
        return access_tokens.get_payload(self.claims)

    def __getitem__(self, name: str) -> Any:
        """One claim; ``KeyError`` if the token lacks it."""
        return self.payload[name]

    def __contains__(self, name: object) -> bool:
        """Whether the token has the claim."""
        return name in self.payload

    def __iter__(self) -> Iterator[str]:
        """The names of the claims."""
        return iter(self.payload)

    def keys(self) -> Iterable[str]:
        """The names of the claims; needed by ``dict(grant)``."""
        return self.payload.keys()

    def get(self, name: str, default: Any = None) -> Any:
        """One claim, or ``default`` if the token lacks it."""
        return self.payload.get(name, default)


@sensitive_variables()
def check_access_token(
    token: str,
    *,
    in_database: bool = False,
    request: HttpRequest | None = None,
    with_key: bool = False,
) -> AccessGrant:
    """Verify an access token and check that its session is live.

    With ``ACCESS_TOKEN_CHECK = "session"`` this takes one SELECT, which includes the user.

    A session that its account locks out is revoked. Inside a transaction of the request, the
    revocation follows when the response is closed.

    Args:
        token: the encoded token.
        in_database: read the row whatever the setting ``ACCESS_TOKEN_CHECK``.
        request: the request for the policy and for the address of a revocation, or None.
        with_key: whether the client presented the token with a key, as the scheme ``DPoP`` says.
            ``request`` must then have the proof.

    Raises:
        InvalidTokenError: the token is malformed, forged, expired or superseded, or has a key
            although it was presented without one, or the reverse.
        InvalidDPoPProofError: the request has no proof of its key.
        DPoPNonceRequiredError: the proof of the request lacks a recent nonce.
        SessionRevokedError: the session is revoked.
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    token = hide(token)
    claims = access_tokens.verify(token)
    check_access_token_key(claims, token, with_key=with_key, request=request)
    check = "session" if in_database else get_settings().ACCESS_TOKEN_CHECK
    if check != "session" and not is_this_environment(claims.environment):
        # The issuer is another environment with the same keys, or a process that uses another
        # address of the same database: only the row can tell.
        check = "session"
    using = router.db_for_write(TokenFamily)
    if check == "stateless":
        return _check_cached(claims, using, request=request)
    lookup: access_cache.Lookup | None = None
    if check == "cache":
        lookup = access_cache.look_up(claims.session_id, claims.family_id)
        snapshot = lookup.snapshot
        if snapshot and snapshot.subject == claims.subject and _is_in_use(claims, snapshot):
            return _check_cached(claims, using, request=request, backend=snapshot.backend)
    family = _read_family(claims, using, request)
    _check_or_revoke(claims, family, request)
    _confirm_delivery(claims, family, using)
    if lookup is not None:
        _store_snapshot(lookup, claims, family)
    return AccessGrant(user=family.session.user, claims=claims, family=family)


@sensitive_variables()
async def acheck_access_token(
    token: str,
    *,
    in_database: bool = False,
    request: HttpRequest | None = None,
    load_user: bool = True,
    with_key: bool = False,
) -> AccessGrant:
    """Check an access token in a coroutine, like ``check_access_token``.

    Takes one call in a thread, which also loads the user: a coroutine cannot load it on first use.
    With ``ACCESS_TOKEN_CHECK`` "cache" or "stateless" the user takes one SELECT.

    Args:
        token: the encoded token.
        in_database: read the row whatever the setting ``ACCESS_TOKEN_CHECK``.
        request: as for ``check_access_token``.
        load_user: False to load the user later, with ``await grant.auser()``. The check
            "stateless" then takes no call in a thread, unless a tenant, a database router or
            ``USER_ID_FIELD`` may require it.
        with_key: as for ``check_access_token``. With a key, the check always takes a call in a
            thread, as it uses the cache.

    Raises:
        InvalidTokenError: the token is malformed, forged, expired or superseded, or the account
            was deleted or may not continue, or as ``check_access_token``.
        InvalidDPoPProofError: as ``check_access_token``.
        DPoPNonceRequiredError: as ``check_access_token``.
        SessionRevokedError: the session is revoked.
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    token = hide(token)
    if not load_user and not in_database and not with_key and _is_checked_in_memory():
        claims = access_tokens.verify(token)
        check_access_token_key(claims, token, with_key=False, request=request)
        if is_this_environment(claims.environment):
            return _check_cached(claims, router.db_for_write(TokenFamily), request=request)
    check = _check_and_load_user if load_user else check_access_token
    return await sync_to_async(check)(
        token, in_database=in_database, request=request, with_key=with_key
    )


@sensitive_variables()
def _check_and_load_user(
    token: str, *, in_database: bool, request: HttpRequest | None, with_key: bool
) -> AccessGrant:
    grant = check_access_token(token, in_database=in_database, request=request, with_key=with_key)
    lazy_users.load_user(grant.user)
    return grant


def _is_checked_in_memory() -> bool:
    """Whether a check needs neither the database, a cache nor the thread of the request."""
    return (
        get_settings().ACCESS_TOKEN_CHECK == "stateless"  # noqa: S105
        and subject_is_primary_key()
        and not may_depend_on_thread()
    )


def read_grant(grant: AccessGrant, *, request: HttpRequest | None = None) -> TokenFamily:
    """The family of an accepted access token, in its present state.

    One SELECT, unless the check of the token has read the family.

    Args:
        grant: the result of ``check_access_token``.
        request: as for ``check_access_token``.

    Raises:
        InvalidTokenError: the token has expired or was superseded.
        SessionRevokedError: the session is revoked.
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    if grant.family is not None:
        return grant.family
    using = router.db_for_write(TokenFamily)
    family = _read_family(grant.claims, using, request)
    _check_or_revoke(grant.claims, family, request)
    return family


def _read_family(
    claims: access_tokens.AccessClaims, using: str, request: HttpRequest | None
) -> TokenFamily:
    return retry_transient(using, lambda: read_family(claims, using=using, request=request))


def check_state(claims: access_tokens.AccessClaims, family: TokenFamily) -> None:
    """Raise unless session, family, user and generation are still valid.

    Raises:
        InvalidTokenError: the claims do not match the row, or the token was superseded.
        SessionRevokedError: the session is revoked, or its account forbids its use.
        ExpiredTokenError: the session has expired.

    """
    session = family.session
    if session.pk != claims.session_id or get_subject(session.user) != claims.subject:
        raise InvalidTokenError
    if session.revoked_at is not None or family.closed_at is not None:
        raise SessionRevokedError
    if not family.account_permits:
        raise SessionRevokedError
    # The client will refresh, and that response names the limit that was reached.
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
        # Otherwise the session would become usable again if the account changed back.
        revoke_after_refusal(family.session, request=request)
        raise


def _is_in_use(
    claims: access_tokens.AccessClaims, state: TokenFamily | access_cache.Snapshot
) -> bool:
    # Access tokens of the redeemable generation stay valid, as siblings use them. Those of a
    # generation that a recovery has replaced become invalid at once.
    return claims.generation in {state.generation, state.redeemable_generation}


def _confirm_delivery(claims: access_tokens.AccessClaims, family: TokenFamily, using: str) -> None:
    """Record the delivery of the newest generation once; the token before becomes unusable.

    Not in a bound family. An attacker without the key may have copied the access token from a
    response that was lost, and could so make the retry of its owner a reuse. Nor is it needed: the
    token before is useless without the key.
    """
    if (
        not family.binding
        and claims.generation == family.generation
        and family.redeemable_generation is not None
        and family.delivered_at is None
        and _is_stored_by_now(family)
    ):
        # After the transaction of the request, which would otherwise keep the row locked. After a
        # rollback, the next request records the delivery.
        after_commit(using, lambda: _mark_delivered(family, using))


def _is_stored_by_now(family: TokenFamily) -> bool:
    """Whether enough time has passed for the client to have stored its refresh token."""
    after = get_settings().CONFIRM_DELIVERY_AFTER
    rotated_at = family.rotated_at
    return after is not None and (rotated_at is None or family.now - rotated_at >= after)


def _mark_delivered(family: TokenFamily, using: str) -> None:
    try:
        TokenFamily.objects.using(using).filter(
            pk=family.pk, generation=family.generation, delivered_at__isnull=True
        ).update(delivered_at=DatabaseNow())
    except Error as error:
        # Best effort: the next request records the delivery.
        logger.warning("Delivery of generation %d not recorded: %s", family.generation, error)
        close_broken_connection(error, using)


def _store_snapshot(
    lookup: access_cache.Lookup, claims: access_tokens.AccessClaims, family: TokenFamily
) -> None:
    snapshot = access_cache.Snapshot(
        generation=family.generation,
        redeemable_generation=family.redeemable_generation,
        subject=claims.subject,
        backend=family.session.backend,
        read_at=family.now.timestamp(),
    )
    expires_at = min(family.session.expires_at, family.idle_expires_at)
    access_cache.store(lookup, snapshot, timeout=(expires_at - family.now).total_seconds())


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
