"""Rules that others ship, or that ours would be without one of its parts.

Each is here for what the search finds against it: so a reader sees what every part is for, and
the search has shown that it can fail.
"""

from __future__ import annotations

from tests.model.reference import RECOVERIES, Answer, Family, Proof, Reply, Rule


class SharedSuccessor(Rule):
    """Inside the overlap, whoever sends the token before is given the newest one as well."""

    def _sent_along(self, token: int, family: Family) -> int | None:
        return family.newest


class OneBehind(SharedSuccessor):
    """The same, and not only inside the overlap but for ever (Supabase's second version)."""

    def _judge_used(self, token: int, family: Family) -> Answer:
        return Answer.NO_ROTATION if token == family.redeemable else Answer.ACCUSED


class EveryToken(Rule):
    """A refresh token is good until it expires, however often it is used (simplejwt)."""

    def judge(self, token: int, family: Family) -> Answer:
        return Answer.ROTATED

    def _mint(self, answer: Answer, token: int, family: Family) -> Reply:
        return super()._mint(answer, family.newest, family)


class EndlessRecovery(Rule):
    """Any number of answers in a row may get lost."""

    def _judge_used(self, token: int, family: Family) -> Answer:
        few = family._replace(newest=min(family.newest, token + RECOVERIES))
        return super()._judge_used(token, few)


class GullibleEvidence(Rule):
    """Any access token in use is taken as a proof that the newest refresh token arrived."""

    def call(self, access: int, family: Family) -> Family:
        return super().call(family.newest, family)


class RotatesInTheOverlap(Rule):
    """A step-up with the newest access token rotates, whatever else is under way."""

    def step_up(self, access: int, family: Family) -> Reply:
        return super().step_up(access, family._replace(fresh=False))


class RotatesForSiblings(Rule):
    """A step-up rotates for the access token before the newest as well."""

    def step_up(self, access: int, family: Family) -> Reply:
        return super().step_up(family.newest, family)


class ProofForEverybody(Rule):
    """A step-up says that the user is there, and whoever refreshes is taken for the user."""

    def vouches(self, token: int, family: Family, proof: Proof) -> bool:
        return proof is not Proof.NONE
