"""Writing a new generation: the one UPDATE of a rotation, and the limit of their number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from refresh_sessions.conf import get_settings
from refresh_sessions.database import LostRaceError
from refresh_sessions.devices import device_of
from refresh_sessions.models import TokenFamily
from refresh_sessions.policies import get_policy
from refresh_sessions.rotation import FamilyState, Rules, may_mint
from refresh_sessions.sessions.issuing import idle_expiry
from refresh_sessions.sessions.turns import take_turn


def rules_in_force() -> Rules:
    """The settings that the rule depends on."""
    settings = get_settings()
    return Rules(
        overlap=settings.ROTATION_OVERLAP, lost_response_recovery=settings.LOST_RESPONSE_RECOVERY
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How often a session may still be refreshed, all its families together."""

    limit: int | None
    elsewhere: int

    @classmethod
    def of(cls, family: TokenFamily) -> Allowance:
        """What the policy allows; one more query where that is limited."""
        session = family.session
        limit = get_policy().max_refreshes(session.user, session=session)
        return cls(limit=limit, elsewhere=0 if limit is None else family.refreshes_elsewhere())

    def permits(self, generation: int, state: FamilyState) -> bool:
        """Whether a successor of ``generation`` may be made."""
        return may_mint(generation, state, max_refreshes=self.limit, elsewhere=self.elsewhere)


def advance(family: TokenFamily, *, generation: int, request: HttpRequest | None) -> None:
    """Make it the family of the successor of ``generation``; nothing is written yet."""
    device = device_of(request)
    family.generation = max(family.generation, generation) + 1
    family.rotated_at = family.now
    family.delivered_at = None
    family.idle_expires_at = idle_expiry(family.session, now=family.now, request=request)
    family.last_ip_address = device.ip_address
    family.last_user_agent = device.user_agent


def write(
    family: TokenFamily, found: Mapping[str, Any], *, allowance: Allowance, using: str
) -> None:
    """Write what ``advance`` has made of a family, unless the row is no longer as it was found.

    Raises:
        LostRaceError: another request has written first.

    """
    if allowance.limit is None:
        compare_and_swap(family, found, using=using)
        return
    # The limit is for all families of the session together, and each of them may be rotating
    # just now: one after the other then, and none that counted before another wrote.
    with transaction.atomic(using=using):
        take_turn(family.session_id, using=using)
        if family.refreshes_elsewhere() != allowance.elsewhere:
            raise LostRaceError
        compare_and_swap(family, found, using=using)


def compare_and_swap(family: TokenFamily, found: Mapping[str, Any], *, using: str) -> None:
    """The UPDATE itself, for those who have their turn or need none.

    Raises:
        LostRaceError: another request has written first.

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
        authenticated_at=family.authenticated_at,
        authentication_methods=family.authentication_methods,
    )
    if not changed:
        raise LostRaceError
