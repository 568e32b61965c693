"""Queries: read families, sessions and the database's clock."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import router
from django.db.models import Case, Max, OuterRef, Prefetch, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from refresh_sessions.account_access import may_continue
from refresh_sessions.database import DatabaseNow
from refresh_sessions.exceptions import NoActiveAccountError, SessionRevokedError
from refresh_sessions.models import DeviceSession, TokenFamily, owners
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.rotation import FamilyState
from refresh_sessions.sql import CompiledRow, CompiledSelect
from refresh_sessions.tokens.access_tokens import AccessClaims
from refresh_sessions.tokens.refresh_tokens import RefreshClaims
from refresh_sessions.users import (
    auth_hash_is_valid,
    get_user_key,
    is_active,
    valid_auth_hashes,
)

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


Claims: TypeAlias = AccessClaims | RefreshClaims

_FAMILY: Final = CompiledSelect(TokenFamily.objects.with_owner)


def read_family(claims: Claims, *, using: str, request: HttpRequest | None = None) -> TokenFamily:
    """The family with its session, its user and the database's clock, in one SELECT.

    Args:
        claims: the claims of a verified token.
        using: the alias of the database.
        request: the request for the policy, or None.

    Raises:
        SessionRevokedError: the family was deleted with its session.

    """
    try:
        family = select_family(claims, using)
    except TokenFamily.DoesNotExist:
        raise SessionRevokedError from None
    # Backends and policies may make queries, which callers retry together with the SELECT.
    family.account_permits = _account_permits(family, request)
    return family


def select_family(claims: Claims, using: str) -> TokenFamily:
    """The family with its session, its user and the database's clock, whatever the account.

    Session and user may be others than those of the claims.

    Raises:
        TokenFamily.DoesNotExist: the family was deleted with its session.

    """
    if owners.finds_every_user():
        try:
            return _FAMILY.get(using=using, **_get_keys(claims))
        except TokenFamily.DoesNotExist:
            pass
    return _select_by_id(claims.family_id, using)


def find_family(family_id: UUID, using: str) -> TokenFamily | None:
    """The family as ``select_family`` reads it, or None if it was deleted."""
    try:
        return _select_by_id(family_id, using)
    except TokenFamily.DoesNotExist:
        return None


def _select_by_id(family_id: UUID, using: str) -> TokenFamily:
    if owners.finds_every_user():
        return _FAMILY.get(using=using, pk=family_id)
    # The restriction of the manager may differ between requests, as with tenants.
    return TokenFamily.objects.using(using).with_owner().get(pk=family_id)


def _get_keys(claims: Claims) -> dict[str, Any]:
    """The primary keys of the claims.

    That of the family suffices to find the rows. With the others, PostgreSQL plans three searches
    by constants instead of a join, which takes half of the time.
    """
    keys = {"pk": claims.family_id, "session": claims.session_id}
    user_id = get_user_key(claims.subject) if isinstance(claims, AccessClaims) else None
    return keys if user_id is None else {**keys, "session__user": user_id}


def is_opened_family_used(family: TokenFamily, *, using: str) -> bool:
    """Whether the newest rotation opened a family whose first token was used.

    Makes one query if the newest rotation opened a family.
    """
    if family.opened_family is None:
        return False
    families = TokenFamily.objects.using(using).filter(pk=family.opened_family)
    return families.filter(rotated_at__isnull=False).exists()


def family_exists(family: TokenFamily, *, using: str) -> bool:
    """Whether the row of a new family was committed."""
    return TokenFamily.objects.using(using).filter(pk=family.pk).exists()


def get_family_state(family: TokenFamily) -> FamilyState:
    """The input of the rotation rule for a family read by ``read_family``."""
    session = family.session
    return FamilyState(
        generation=family.generation,
        redeemable_generation=family.redeemable_generation,
        rotated_at=family.rotated_at,
        delivered_at=family.delivered_at or _logged_out_with_newest(family),
        idle_expires_at=family.idle_expires_at,
        expires_at=session.expires_at,
        revoked=session.revoked_at is not None,
        account_changed=not family.account_permits,
        closed_at=family.closed_at,
        companion_generation=family.companion_generation,
        sibling_answered=family.sibling_answered_at is not None,
        tolerated_generation=family.tolerated_generation,
        recoveries_by_others=family.recoveries_by_others,
    )


def _account_permits(family: TokenFamily, request: HttpRequest | None) -> bool:
    session, user = family.session, family.session.user
    return (
        family.user_found
        and auth_hash_is_valid(user, session.auth_hash)
        and may_continue(user, backend=session.backend, session=session, request=request)
    )


def _logged_out_with_newest(family: TokenFamily) -> datetime | None:
    """When a client logged out with the newest token of the family, which is a delivery."""
    session = family.session
    logout_token = (session.revoked_family, session.revoked_generation)
    return session.revoked_at if logout_token == (family.pk, family.generation) else None


def read_clock(user: AbstractBaseUser, *, using: str) -> datetime:
    """The database's clock, read together with the account, which must exist.

    Raises:
        NoActiveAccountError: the account was deleted, or the default manager hides it.

    """
    now: datetime = _read_account(_CLOCK, user, using)[0]
    return now


def read_clock_and_count(
    user: AbstractBaseUser, number: int, *, using: str
) -> tuple[datetime, bool]:
    """The database's clock, and whether the user has ``number`` sessions, as ``read_clock``.

    Counts sessions past their idle limit as well: without them the count needs the families.
    """
    now, last = _read_account(_CLOCK_AND_SESSION, user, using, number=number)
    return now, last is not None


def _read_account(
    statement: CompiledRow, user: AbstractBaseUser, using: str, **arguments: Any
) -> tuple[Any, ...]:
    if owners.finds_every_user():
        row = statement.get(user.pk, using=using, **arguments)
    else:
        row = statement.build(user.pk, **arguments).using(using).first()
    if row is None:
        raise NoActiveAccountError
    return row


def _select_clock(user_id: Any) -> QuerySet[Any, Any]:
    accounts = get_user_model()._default_manager.filter(pk=user_id)
    return accounts.values_list(DatabaseNow())


def _select_clock_and_session(user_id: Any, *, number: int) -> QuerySet[Any, Any]:
    sessions = DeviceSession.objects.filter(
        user=user_id, revoked_at__isnull=True, expires_at__gt=DatabaseNow()
    ).values("pk")
    accounts = get_user_model()._default_manager.filter(pk=user_id)
    return accounts.values_list(DatabaseNow(), Subquery(sessions[number - 1 : number]))


_CLOCK: Final = CompiledRow(_select_clock)
_CLOCK_AND_SESSION: Final = CompiledRow(_select_clock_and_session)


LISTED: Final = 200
"""Sessions per response; the default of ``MAX_SESSIONS_PER_USER`` is not larger."""


def own_live_sessions(user: AbstractBaseUser) -> DeviceSessionQuerySet:
    """The live sessions of one user with their families, in two queries.

    Excludes sessions that the account locks out, for any user model.
    """
    # From the primary: a replica may lag behind logins and revocations.
    using = router.db_for_write(DeviceSession)
    families = Prefetch("families", TokenFamily.objects.using(using))
    sessions = DeviceSession.objects.using(using).unended().for_user(user)
    if not is_active(user):
        return sessions.none()
    usable = sessions.filter(auth_hash__in=list(valid_auth_hashes(user)))
    return usable.prefetch_related(families)


def last_used_first(
    sessions: DeviceSessionQuerySet, *, current: UUID | None = None
) -> DeviceSessionQuerySet:
    """Order sessions by last use, the newest first, and ``current`` before all others."""
    families = TokenFamily.objects.filter(session=OuterRef("pk")).order_by()
    # The delivery is never before the rotation.
    last_used = families.values("session").annotate(at=Max(Coalesce("delivered_at", "rotated_at")))
    at = Coalesce(Subquery(last_used.values("at")), "created_at")
    is_other = Case(When(pk=current, then=Value(0)), default=Value(1))
    return sessions.order_by(is_other, at.desc(), "-created_at", "pk")
