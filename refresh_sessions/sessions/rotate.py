"""Writing a new generation: the one UPDATE of a rotation, and the limit of their number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshQuota:
    """How often a session may still be refreshed, all its families together."""

    limit: int | None
    elsewhere: int

    @classmethod
    def for_family(cls, family: TokenFamily) -> RefreshQuota:
        """What the policy allows; one more query where that is limited."""
        session = family.session
        limit = get_policy().max_refreshes(session.user, session=session)
        return cls(limit=limit, elsewhere=0 if limit is None else family.refreshes_elsewhere())

    def allows(self, generation: int, state: FamilyState) -> bool:
        """Whether a successor of ``generation`` may be made."""
        return within_refresh_limit(
            generation, state, max_refreshes=self.limit, elsewhere=self.elsewhere
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedFamily:
    """A family that is closed because the rotation that opened it is taken back."""

    pk: UUID
    even_if_used: bool


def apply_rotation(
    family: TokenFamily,
    state: FamilyState,
    verdict: Verdict,
    *,
    generation: int,
    redeemable: int | None,
    presenter: Presenter,
    request: HttpRequest | None,
    opened: UUID | None = None,
) -> None:
    """Make it the family of the successor of ``generation``; nothing is written yet.

    Args:
        family: as it was read.
        state: what the rule knows of it.
        verdict: why it rotates.
        generation: of the presented token.
        redeemable: the generation that is redeemable from now on.
        presenter: of the token.
        request: of the client, for address and user agent.
        opened: the family that the rotation opens.

    """
    recovered, is_other = verdict is Verdict.RECOVER, presenter.is_other_client
    now, rules = family.now, get_rotation_rules()
    family.tolerated_generation = tolerated_after_rotation(verdict, state, now=now, rules=rules)
    forgives = may_write_back(verdict, state, opens=opened is not None, now=now, rules=rules)
    family.sibling_answered_at = now if forgives else None
    family.recoveries_by_others = family.recoveries_by_others + is_other if recovered else 0
    family.generation = max(family.generation, generation) + 1
    family.redeemable_generation = redeemable
    family.rotated_at = family.now
    family.delivered_at = None
    family.opened_family = opened
    family.idle_expires_at = get_idle_expiry(family.session, now=family.now, request=request)
    if presenter.shows_companion:
        family.companion_generation = family.generation
    if recovered and is_other:
        # Its next recovery is compared with the owner's client, not with its own.
        return
    device = read_device(request)
    family.last_ip_address = device.ip_address
    family.last_user_agent = device.user_agent


def apply_rotation_by_access_token(
    family: TokenFamily, state: FamilyState, *, redeemable: int | None, request: HttpRequest | None
) -> None:
    """Rotate for the holder of the newest access token who has re-authenticated."""
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
    found: Mapping[str, Any],
    *,
    allowance: RefreshQuota,
    using: str,
    closes: ClosedFamily | None = None,
) -> None:
    """Save the family that ``apply_rotation`` changed, unless its row has changed since.

    Args:
        family: as it is to be.
        found: values that the row must still have.
        allowance: how often the session may be refreshed.
        using: the alias of the database.
        closes: the family whose opening this rotation takes back.

    Raises:
        ConcurrentUpdateError: another request has written first.

    """
    if allowance.limit is None and closes is None:
        compare_and_swap(family, found, using=using)
        return
    # The limit is for all families of the session together, and each of them may be rotating
    # just now: one after the other then, and none that counted before another wrote.
    with transaction.atomic(using=using):
        lock_session(family.session_id, using=using)
        if allowance.limit is not None and family.refreshes_elsewhere() != allowance.elsewhere:
            raise ConcurrentUpdateError
        compare_and_swap(family, found, using=using)
        if closes is not None:
            _close(closes, using)


def _close(closed: ClosedFamily, using: str) -> None:
    families = TokenFamily.objects.using(using).filter(pk=closed.pk, closed_at__isnull=True)
    if not closed.even_if_used:
        families = families.filter(rotated_at__isnull=True)
    if not families.update(closed_at=DatabaseNow()) and not closed.even_if_used:
        # It has been refreshed since it was looked at: its holder has got the answer.
        raise ConcurrentUpdateError


def compare_and_swap(family: TokenFamily, found: Mapping[str, Any], *, using: str) -> None:
    """The UPDATE itself, for those who have their turn or need none.

    Raises:
        ConcurrentUpdateError: another request has written first.

    """
    unchanged = TokenFamily.objects.using(using).usable().filter(pk=family.pk, **found)
    changed = unchanged.update(
        generation=family.generation,
        redeemable_generation=family.redeemable_generation,
        rotated_at=family.rotated_at,
        delivered_at=family.delivered_at,
        idle_expires_at=family.idle_expires_at,
        last_ip_address=family.last_ip_address,
        last_user_agent=family.last_user_agent,
        companion_generation=family.companion_generation,
        sibling_answered_at=family.sibling_answered_at,
        tolerated_generation=family.tolerated_generation,
        recoveries_by_others=family.recoveries_by_others,
        opened_family=family.opened_family,
        authenticated_at=family.authenticated_at,
        authentication_methods=family.authentication_methods,
    )
    if not changed:
        raise ConcurrentUpdateError
