"""Queries: read families, sessions and the database's clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connections, router
from django.db.models import Case, Max, OuterRef, Prefetch, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from refresh_sessions.account_access import may_continue
from refresh_sessions.compiled_sql import CompiledSelect
from refresh_sessions.database import (
    DatabaseNow,
    compile_expression,
    convert_from_database,
)
from refresh_sessions.exceptions import NoActiveAccountError, SessionRevokedError
from refresh_sessions.models import DeviceSession, TokenFamily, owners
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.rotation import FamilyState
from refresh_sessions.users import auth_hash_is_valid, is_active, valid_auth_hashes

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


_FAMILY: Final = CompiledSelect(TokenFamily.objects.with_owner)


def read_family(family_id: UUID, *, using: str, request: HttpRequest | None = None) -> TokenFamily:
    """The family with its session, its user and the database's clock, in one SELECT.

    Args:
        family_id: the primary key, from the token.
        using: the alias of the database.
        request: the request for the policy, or None.

    Raises:
        SessionRevokedError: the family was deleted with its session.

    """
    try:
        family = select_family(family_id, using)
    except TokenFamily.DoesNotExist:
        raise SessionRevokedError from None
    # Backends and policies may make queries, which callers retry together with the SELECT.
    family.account_permits = _account_permits(family, request)
    return family


def select_family(family_id: UUID, using: str) -> TokenFamily:
    """The family with its session, its user and the database's clock, whatever the account.

    Raises:
        TokenFamily.DoesNotExist: the family was deleted with its session.

    """
    if owners.finds_every_user():
        return _FAMILY.get(family_id, using=using)
    # The restriction of the manager may differ between requests, as with tenants.
    return TokenFamily.objects.using(using).with_owner().get(pk=family_id)


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
    now, _ = _read_clock_and("NULL", (), user, using)
    return now


def read_clock_and_count(
    user: AbstractBaseUser, number: int, *, using: str
) -> tuple[datetime, bool]:
    """The database's clock, and whether the user has ``number`` sessions, as ``read_clock``.

    Counts sessions past their idle limit as well: without them the count needs the families.
    """
    connection = connections[using]
    now, now_params = compile_expression(DatabaseNow(), connection)
    key = get_user_model()._meta.pk.get_db_prep_value(user.pk, connection)
    session = (
        "(SELECT 1 FROM refresh_sessions_devicesession WHERE user_id = %s "  # noqa: S608
        f"AND revoked_at IS NULL AND expires_at > {now} LIMIT 1 OFFSET %s)"
    )
    read_at, found = _read_clock_and(session, (key, *now_params, number - 1), user, using)
    return read_at, found is not None


def _read_clock_and(
    column: str, params: Sequence[Any], user: AbstractBaseUser, using: str
) -> tuple[datetime, Any]:
    """The database's clock and another column, read together with the account.

    Text instead of a queryset, which takes several times as long to compile as to execute.
    """
    if not owners.finds_every_user():
        accounts = get_user_model()._default_manager.using(using)
        if not accounts.filter(pk=user.pk).exists():
            raise NoActiveAccountError
    connection, meta = connections[using], get_user_model()._meta
    now, now_params = compile_expression(DatabaseNow(), connection)
    table, pk = map(connection.ops.quote_name, (meta.db_table, str(meta.pk.column)))
    key = meta.pk.get_db_prep_value(user.pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {now}, {column} FROM {table} WHERE {pk} = %s",  # noqa: S608
            (*now_params, *params, key),
        )
        row = cursor.fetchone()
    if row is None:
        raise NoActiveAccountError
    return convert_from_database(row[0], DatabaseNow(), connection), row[1]


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
