"""The verdict on a presented refresh token, with what the rule needs from the database."""

from __future__ import annotations

from dataclasses import replace

from refresh_sessions.models import TokenFamily
from refresh_sessions.rotation import FamilyState, Presenter, Verdict, judge
from refresh_sessions.sessions.reading import opened_family_used
from refresh_sessions.sessions.rotating import rules_in_force
from refresh_sessions.tokens.refresh import RefreshClaims


def judge_token(
    claims: RefreshClaims,
    family: TokenFamily,
    state: FamilyState,
    presenter: Presenter,
    *,
    using: str,
) -> Verdict:
    """Judge a token against its family as read by ``read_family``, and the family's state.

    One query where the newest rotation opened a family and its answer may have been lost, none
    otherwise.
    """
    if claims.generation == family.redeemable_generation:
        used = opened_family_used(family, using=using)
        state = replace(state, opened_family_used=used)
    return judge(
        claims.generation,
        state,
        presenter=presenter,
        token_expires_at=claims.expires_at,
        now=family.now,
        rules=rules_in_force(),
    )
