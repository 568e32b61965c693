"""Rotation: write the new generation of a family, within the limit of refreshes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest

from refresh_sessions.database import ConcurrentUpdateError, DatabaseNow
from refresh_sessions.devices import read_device
from refresh_sessions.models import TokenFamily
from refresh_sessions.policies import get_policy
from refresh_sessions.rotation import (
    FamilyState,
    Presenter,
    Verdict,
    may_write_back,
    tolerated_after_rotation,
    within_refresh_limit,
)
from refresh_sessions.sessions.issue import get_idle_expiry
from refresh_sessions.sessions.locks import lock_session
from refresh_sessions.sessions.presented_token import get_presenter, get_rotation_rules
from refresh_sessions.sql import CompiledUpdate


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshQuota:
    """The limit of refreshes of a session, for all its families together."""

    limit: int | None
    elsewhere: int
    """The number of refreshes of the other families."""

    @classmethod
    def for_family(cls, family: TokenFamily) -> RefreshQuota:
        """The limit of the policy; makes one query if there is a limit."""
        session = family.session
        limit = get_policy().max_refreshes(session.user, session=session)
        return cls(limit=limit, elsewhere=0 if limit is None else family.refreshes_elsewhere())

    def allows(self, generation: int, state: FamilyState) -> bool:
        """Whether a successor of ``generation`` may be issued."""
        return within_refresh_limit(
            generation, state, max_refreshes=self.limit, elsewhere=self.elsewhere
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedFamily:
    """A family that a recovery closes, because it undoes the rotation that opened the family."""

    pk: UUID
    even_if_used: bool
    """Close the family even if its token was used."""


def apply_rotation(
    family: TokenFamily,
    state: FamilyState,
    verdict: Verdict,
    *,
    generation: int,
    redeemable: int | None,
    presenter: Presenter,
    request: HttpRequest | None,
    opened_family: UUID | None = None,
) -> None:
    """Set the fields of the family object for the successor of ``generation``.

    Args:
        family: the family as read; the object is changed and not saved.
        state: the state of the family before the rotation.
        verdict: the verdict that issues the successor.
        generation: the generation of the presented token.
        redeemable: the generation that is redeemable after the rotation, or None.
        presenter: attributes of the client.
        request: the request for address and user agent, or None.
        opened_family: the family that the rotation opens, or None.

    """
    recovered, is_other = verdict is Verdict.RECOVER, presenter.is_other_client
    now, rules = family.now, get_rotation_rules()
    family.tolerated_generation = tolerated_after_rotation(verdict, state, now=now, rules=rules)
    opens = opened_family is not None
    write_back = may_write_back(verdict, state, opens=opens, now=now, rules=rules)
    family.sibling_answered_at = now if write_back else None
    family.recoveries_by_others = family.recoveries_by_others + is_other if recovered else 0
    family.generation = max(family.generation, generation) + 1
    family.redeemable_generation = redeemable
    family.rotated_at = family.now
    family.delivered_at = None
    family.opened_family = opened_family
    family.idle_expires_at = get_idle_expiry(family.session, now=family.now, request=request)
    if presenter.shows_companion:
        family.companion_generation = family.generation
    if recovered and is_other:
        # The next recovery is compared with the previous client, not with this one.
        return
    device = read_device(request)
    family.last_ip_address = device.ip_address
    family.last_user_agent = device.user_agent


def apply_rotation_by_access_token(
    family: TokenFamily, state: FamilyState, *, redeemable: int | None, request: HttpRequest | None
) -> None:
    """Apply a rotation without a presented refresh token, as in a re-authentication."""
    apply_rotation(
        family,
        state,
        Verdict.ROTATE,
        generation=family.generation,
        redeemable=redeemable,
        presenter=get_presenter(family, request),
        request=request,
    )


def save_rotation(
    family: TokenFamily,
    expected: Mapping[str, Any],
    *,
    quota: RefreshQuota,
    using: str,
    closed_family: ClosedFamily | None = None,
) -> None:
    """Save a rotation, unless the row has changed since it was read.

    Args:
        family: the family, changed by ``apply_rotation``.
        expected: the values that the row must still have.
        quota: the limit of refreshes that the rotation was checked against.
        using: the alias of the database.
        closed_family: the family that the rotation closes, or None.

    Raises:
        ConcurrentUpdateError: another request has changed the row.

    """
    if quota.limit is None and closed_family is None:
        compare_and_swap(family, expected, using=using)
        return
    # Other families of the session may rotate concurrently and share the limit: lock the session,
    # and check their number of refreshes again.
    with transaction.atomic(using=using):
        lock_session(family.session_id, using=using)
        if quota.limit is not None and family.refreshes_elsewhere() != quota.elsewhere:
            raise ConcurrentUpdateError
        compare_and_swap(family, expected, using=using)
        if closed_family is not None:
            _close(closed_family, using)


def _close(family: ClosedFamily, using: str) -> None:
    families = TokenFamily.objects.using(using).filter(pk=family.pk, closed_at__isnull=True)
    if not family.even_if_used:
        families = families.filter(rotated_at__isnull=True)
    if not families.update(closed_at=DatabaseNow()) and not family.even_if_used:
        # The family was refreshed since the verdict, so its first token was not lost.
        raise ConcurrentUpdateError


_ROTATION: Final = CompiledUpdate(TokenFamily, TokenFamily.objects.usable)


def compare_and_swap(family: TokenFamily, expected: Mapping[str, Any], *, using: str) -> None:
    """Update the row of a family if it still has the expected values.

    Raises:
        ConcurrentUpdateError: another request has changed the row.

    """
    values = {
        "generation": family.generation,
        "redeemable_generation": family.redeemable_generation,
        "rotated_at": family.rotated_at,
        "delivered_at": family.delivered_at,
        "idle_expires_at": family.idle_expires_at,
        "last_ip_address": family.last_ip_address,
        "last_user_agent": family.last_user_agent,
        "companion_generation": family.companion_generation,
        "sibling_answered_at": family.sibling_answered_at,
        "tolerated_generation": family.tolerated_generation,
        "recoveries_by_others": family.recoveries_by_others,
        "opened_family": family.opened_family,
        "authenticated_at": family.authenticated_at,
        "authentication_methods": family.authentication_methods,
    }
    if not _ROTATION.execute(family.pk, values, expected=expected, using=using):
        raise ConcurrentUpdateError
