"""The rule before the companion, which the package still follows: for ``test_machine`` and others.

To be removed with the package's change to the rule of ``reference``.


Generations are small integers. Of time a family knows whether its last rotation is still inside
the overlap, and inside the first half of it; whoever drives it says when that has passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

RECOVERIES: Final = 8
"""How many answers in a row may get lost."""


class Answer(Enum):
    """What the server makes of a refresh token; the value tells it as part of a story."""

    ROTATED = "gives the next token"
    RECOVERED = "takes the successor for lost and gives another"
    HEALED = "has forgotten this token and gives the one after it"
    NO_ROTATION = "gives an access token"
    SUPERSEDED = "says that storage holds a newer one (409)"
    ACCUSED = "cries theft and ends the session"
    RECOVERY_LIMIT = "has had enough of lost answers and ends the session"

    @property
    def mints(self) -> bool:
        """Whether a new refresh token comes into the world."""
        return self is Answer.ROTATED or self is Answer.RECOVERED or self is Answer.HEALED


class Family(NamedTuple):
    """The row: all that the server remembers of the tokens it has given."""

    newest: int = 1
    redeemable: int | None = None
    """The token in whose place the newest was given; None before the first refresh."""
    delivered: bool = False
    """The newest has been seen in use."""
    fresh: bool = False
    """The last rotation is less than the overlap ago."""
    early: bool = False
    """And less than half of it; kept only where the rule asks."""
    ended_by: Answer | None = None


class Proof(Enum):
    """How the row's proof of identity stands to the last rotation."""

    NONE = "none"
    LINE = "given before it"
    NEWEST = "given by it"
    BESIDE = "given after it, to an access token alone"

    def after(self, answer: Answer) -> Proof:
        """What a refresh makes of it."""
        if not answer.mints:
            return self
        kept = self in {Proof.LINE, Proof.NEWEST} and answer is not Answer.RECOVERED
        return Proof.LINE if kept else Proof.NONE


class Echo(Enum):
    """When somebody who sends the newest token inside the overlap is sent it back."""

    NEVER = "never"
    EARLY = "in the first half of the overlap"
    ALWAYS = "always"


class Reply(NamedTuple):
    """The answer, the row after it, and the tokens that it carries."""

    answer: Answer
    family: Family
    refresh: int | None = None
    access: int | None = None
    """The generation that the access token speaks for."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The rule and its settings. The broken rules are subclasses of it."""

    overlap: bool = True
    """False stands for ``ROTATION_OVERLAP = 0``."""
    recovery: bool = True
    """``LOST_RESPONSE_RECOVERY``."""
    confirm: bool = True
    """``CONFIRM_DELIVERY``: an access token in use proves that its refresh token arrived."""
    echo: Echo = Echo.EARLY
    """Clients may expect a refresh token in an answer, but a late one could undo a rotation."""

    def refresh(self, token: int, family: Family) -> Reply:
        """Present a refresh token to a family that has not ended."""
        answer = self.judge(token, family)
        if answer.mints:
            return self._mint(answer, token, family)
        if answer is Answer.NO_ROTATION:
            kept = self._sent_along(token, family)
            return Reply(answer, family, refresh=kept, access=kept or token)
        if answer is Answer.SUPERSEDED:
            return Reply(answer, family)
        return Reply(answer, family._replace(ended_by=answer))

    def judge(self, token: int, family: Family) -> Answer:
        """Look up what a token is worth."""
        if token > family.newest:
            return Answer.HEALED
        if family.redeemable is not None and token < family.redeemable:
            return Answer.ACCUSED
        if family.fresh:
            known = token in {family.newest, family.redeemable}
            return Answer.NO_ROTATION if known else Answer.SUPERSEDED
        if token == family.newest:
            return Answer.ROTATED
        return self._judge_used(token, family)

    def _judge_used(self, token: int, family: Family) -> Answer:
        """A token that has a successor, after the overlap."""
        if token != family.redeemable or family.delivered or not self.recovery:
            return Answer.ACCUSED
        lost = family.newest - token
        return Answer.RECOVERED if lost <= RECOVERIES else Answer.RECOVERY_LIMIT

    def _sent_along(self, token: int, family: Family) -> int | None:
        """The refresh token in an answer without a rotation."""
        echoed = self.echo is Echo.ALWAYS or family.early
        return token if echoed and token == family.newest else None

    def _mint(self, answer: Answer, token: int, family: Family) -> Reply:
        newest = max(token, family.newest) + 1
        redeemable = family.redeemable if answer is Answer.RECOVERED else token
        early = self.overlap and self.echo is Echo.EARLY
        after = Family(newest, redeemable, fresh=self.overlap, early=early)
        return Reply(answer, after, refresh=newest, access=newest)

    def step_up(self, access: int, family: Family) -> Reply:
        """Present an accepted access token, and prove one's identity."""
        if access == family.newest and not family.fresh:
            reply = self._mint(Answer.ROTATED, access, family)
            strict = not self.overlap and not self.recovery
            after = reply.family._replace(redeemable=None) if strict else reply.family
            return reply._replace(family=after)
        return Reply(Answer.NO_ROTATION, family, access=access)

    def vouches(self, token: int, family: Family, proof: Proof) -> bool:
        """Whether what a refresh token is exchanged for, or came with, tells of the proof."""
        newest = proof is Proof.NEWEST and token == family.newest
        return proof is Proof.LINE or newest

    def accepts(self, access: int, family: Family) -> bool:
        """Whether an access token of this generation opens anything."""
        return family.ended_by is None and access in {family.newest, family.redeemable}

    def call(self, access: int, family: Family) -> Family:
        """Use an accepted access token; it may be evidence of delivery."""
        evidence = self.confirm and access == family.newest and family.redeemable is not None
        return family._replace(delivered=True) if evidence else family
