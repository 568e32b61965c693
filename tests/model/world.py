"""One family, a browser with several tabs, the network between, and at most one thief.

A world is a value. It holds neither clock nor history, and its generations are renumbered after
each rotation: there are finitely many worlds although nothing bounds the length of a story.

Left out is what only ends a session or adds nothing to the rule: the limits of idle time, of the
whole session and of the number of refreshes, revocation, and a database that forgets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Final, NamedTuple

from tests.model.reference import RECOVERIES, Family, Proof, Rule

NONE: Final = -1
"""No token."""

_FAR: Final = RECOVERIES + 3
"""The newest token is never further from the redeemable one, in any rule that counts."""


class Pace(Enum):
    """What is known of the honest client's requests; an answer is part of its request."""

    RUSHES = "none is under way when an overlap ends"
    HALF = "each takes less than half the overlap"
    WHOLE = "each takes less than the overlap"
    ANY = "each takes as long as it likes"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The rule, and what the people in the story are like."""

    rule: Rule = field(default_factory=Rule)
    tabs: int = 2
    """How many requests of the honest client may be under way at a time."""
    pace: Pace = Pace.HALF
    writes_back: bool = False
    """Where an answer brings no refresh token, the client saves the one that it has sent."""
    prompt: bool = False
    """The client calls the API as soon as an answer arrives; otherwise some time, or never."""
    steps_up: bool = False
    """The client proves who its user is, at any time and again; no thief can do that."""
    theft: bool = False
    """Somebody copies the client's storage or a message, once, at any point."""


class Message(NamedTuple):
    """A request under way, or its answer."""

    sent: int
    """The refresh token of the request; of a step-up the access token."""
    answered: bool = False
    refresh: int = NONE
    access: int = NONE
    minted: bool = False
    """The answer brings a token that nobody has had before."""
    hurried: bool = False
    """The pace has it over, one way or another, before the present overlap is."""
    step_up: bool = False

    @property
    def tokens(self) -> frozenset[int]:
        """The refresh tokens that somebody finds in it."""
        return frozenset({self.refresh, *(() if self.step_up else (self.sent,))}) - {NONE}


class Thief(NamedTuple):
    """What the thief has copied, and what he got with it."""

    tokens: tuple[int, ...]
    proof: bool
    """He has an access token of the newest generation."""
    ahead: bool = False
    """The last who received a new refresh token was the thief, not the victim."""
    outdated: bool = False
    """All that he has copied is from before the last step-up."""
    fresh: bool = False
    """He has been given an access token that tells of the last step-up."""


class World(NamedTuple):
    """Everything there is. Tabs share the storage; all they have of their own is a request."""

    family: Family = Family()
    storage: int = 1
    proof: bool = True
    """The client has an access token of the newest generation."""
    flight: tuple[Message, ...] = ()
    thief: Thief | None = None
    identity: Proof = Proof.LINE
    """Kept only where the scene has step-ups."""

    @property
    def tokens(self) -> frozenset[int]:
        """All refresh tokens that anybody could still present."""
        held = {self.storage, *(self.thief.tokens if self.thief else ())}
        return frozenset(held).union(*(message.tokens for message in self.flight))


def kind_of(token: int, family: Family) -> str:
    """A token in words."""
    if token == family.newest:
        return "the newest token"
    if token == family.redeemable:
        return "the token before"
    if token < (family.redeemable or 0):
        return "an old token"
    return "a token taken back"


def settle(world: World) -> World:
    """Renumber the tokens, such that those between which no rule distinguishes are one.

    0 is every token older than the redeemable one, 1 the redeemable one, 2 all those that
    recoveries took back; the newest keeps its distance, which counts the recoveries.
    """
    family, thief = world.family, world.thief
    new = _numbers(family.newest, family.redeemable)
    flight = [
        message._replace(
            sent=new[message.sent], refresh=new[message.refresh], access=new[message.access]
        )
        for message in world.flight
    ]
    return World(
        family._replace(newest=new[family.newest], redeemable=family.redeemable and 1),
        new[world.storage],
        world.proof,
        tuple(sorted(flight)),
        thief and thief._replace(tokens=tuple(sorted({new[token] for token in thief.tokens}))),
        world.identity,
    )


@cache
def _numbers(newest: int, redeemable: int | None) -> dict[int, int]:
    before = redeemable or 1
    numbers = {token: 0 if token < before else 2 for token in range(newest)}
    return {**numbers, NONE: NONE, before: 1, newest: min(newest - before + 1, _FAR)}
