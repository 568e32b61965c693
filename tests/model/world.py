"""One family, a browser with several tabs, the network between, and at most one attacker.

A world is a value. It holds neither clock nor history, and its generations are renumbered after
each rotation: there are finitely many worlds although nothing bounds the length of a story.

Left out is what adds nothing to the rule: the limits of idle time, of the whole session and of the
number of refreshes. An opened family follows the same rule as the one that opened it, and is
searched as such; here it is a token that somebody holds or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Final, NamedTuple

from tests.model.reference import Child, Family, Reauthentication, Rule

NONE: Final = -1
"""No token."""


class Saves(Enum):
    """What a client writes to its storage after an answer without a refresh token."""

    DOCS = "nothing"
    TYPICAL = "the token that it has sent"
    NAIVE = "that there is none"


class Theft(Enum):
    """What an attacker copies, once, at any point."""

    STORAGE = "the storage, or a message"
    USED = "a token whose successor is stored"
    ACCESS = "an access token alone"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The rule, and what the people in the story are like."""

    rule: Rule = field(default_factory=Rule)
    tabs: int = 2
    """How many requests of the honest client may be under way at a time."""
    slowest: int | None = 1
    """How many ticks a request takes at most, answer included; None for any number."""
    rushes: bool = False
    """No request is under way when an overlap ends."""
    saves: Saves = Saves.DOCS
    companion: bool = False
    """The honest client shows the companion."""
    prompt: bool = False
    """The client calls the API as soon as an answer arrives; otherwise some time, or never."""
    steps_up: bool = False
    """The client re-authenticates, at any time and again; no attacker can do that."""
    opens: bool = False
    """Families are opened: by the client, and by an attacker who can."""
    locks: bool = True
    """While it opens a family, the client sends nothing else. Without that it opens only one."""
    ends: bool = False
    """Client and attacker sign out, the session is revoked elsewhere, the account is deactivated
    and activated."""
    crashes: bool = False
    """The client loses what it stored in the last minute, and does not refresh twice within it."""
    fails_over: bool = False
    """The database loses the last rotation, once."""
    theft: Theft | None = None
    alike: bool = False
    """The attacker has the owner's network or user agent."""


class Kind(Enum):
    """What a request asks for."""

    REFRESH = "the request with"
    STEP_UP = "the re-authentication with"
    OPEN = "the opening with"
    SIGN_OUT = "the sign-out with"

    def __lt__(self, other: Kind) -> bool:
        return self.value < other.value


class Message(NamedTuple):
    """A request under way, or its answer."""

    kind: Kind
    sent: int
    """The refresh token of the request; of a re-authentication the access token."""
    age: int = 0
    """Ticks since it was sent."""
    answered: bool = False
    refresh: int = NONE
    current: bool = False
    """The answer has an access token of the newest generation."""
    minted: bool = False
    """The answer brings a token that nobody has had before."""
    orphan: bool = False
    """The client has crashed since: nobody will hear the answer."""

    @property
    def tokens(self) -> frozenset[int]:
        """The refresh tokens that somebody finds in it."""
        sent = () if self.kind is Kind.STEP_UP else (self.sent,)
        return frozenset({self.refresh, *sent}) - {NONE}


class Attacker(NamedTuple):
    """What the attacker has copied, and what he got with it."""

    tokens: tuple[int, ...]
    access: bool
    """He has an access token of the newest generation."""
    ahead: bool = False
    """The last who received a new refresh token was the attacker, not the owner."""
    served: bool = False
    """He was given an access token since the owner last received a new refresh token."""
    gained: int = NONE
    """The newest token that he was given; none if he has used what he was given."""
    used: bool = False
    """He has presented a refresh token that he was given."""
    outdated: bool = False
    """All that he has copied is from before the last re-authentication."""
    reauthenticated: bool = False
    """He has been given an access token that tells of the last re-authentication."""
    child: bool = False
    """He has opened a family."""


class World(NamedTuple):
    """Everything there is. Tabs share the storage; all they have of their own is a request."""

    family: Family = Family()
    storage: int = 1
    access: bool = True
    """The client has an access token of the newest generation."""
    flight: tuple[Message, ...] = ()
    attacker: Attacker | None = None
    reauthentication: Reauthentication = Reauthentication.CARRIED
    """Kept only where somebody re-authenticates or opens a family."""
    by_attacker: bool = False
    """The last rotation was made by an attacker who does not resemble the owner."""
    earlier: int = NONE
    """What the storage held at the last rotation; kept where it may crash."""
    before: Family | None = None
    """The row before the last rotation; kept where the database may lose it."""
    failed_over: bool = False
    inactive: bool = False
    """The account is deactivated."""
    child: bool = False
    """Another process of the client has the token of the opened family."""

    @property
    def tokens(self) -> frozenset[int]:
        """All refresh tokens that anybody could still present."""
        held = {self.storage, *(self.attacker.tokens if self.attacker else ())}
        return frozenset(held).union(*(message.tokens for message in self.flight)) - {NONE}


def kind_of(token: int, family: Family) -> str:
    """A token in words."""
    if token == family.newest:
        return "the newest token"
    if token > family.newest:
        return "a token that the database lost"
    if token == family.redeemable:
        return "the token before"
    if token < (family.redeemable or 0):
        return "an old token"
    return "a token taken back"


def settle(world: World) -> World:
    """Renumber the tokens, such that those between which no rule distinguishes are one."""
    rows = [world.family, *([world.before] if world.before else [])]
    marks = {mark for row in rows for mark in (row.newest, row.redeemable, row.tolerated) if mark}
    held = {*world.tokens, world.earlier} | {m.sent for m in world.flight}
    # Those that the database has lost are told apart; there are few.
    marks |= {token for token in held if token > world.family.newest}
    new = _numbers(tuple(sorted(marks)), max(held))
    attacker = world.attacker
    if attacker:
        tokens = tuple(sorted({new[token] for token in attacker.tokens}))
        attacker = attacker._replace(tokens=tokens, gained=new[attacker.gained])
    flight = [m._replace(sent=new[m.sent], refresh=new[m.refresh]) for m in world.flight]
    return world._replace(
        family=_renumbered(world.family, new),
        storage=new[world.storage],
        flight=tuple(sorted(flight)),
        attacker=attacker,
        earlier=new[world.earlier],
        before=world.before and _renumbered(world.before, new),
    )


def _renumbered(family: Family, new: dict[int, int]) -> Family:
    return family._replace(
        newest=new[family.newest],
        redeemable=family.redeemable and new[family.redeemable],
        tolerated=family.tolerated and new[family.tolerated],
    )


@cache
def _numbers(marks: tuple[int, ...], highest: int) -> dict[int, int]:
    """0 is every token older than the marks; between two of them all are one."""
    numbers, number = {NONE: NONE}, 0
    last = -1
    for token in range(max(highest, marks[-1]) + 1):
        if token in marks or token - 1 in marks:
            number += 1
        numbers[token] = number
        last = token
    assert last >= marks[-1]
    return numbers


def belongs_to_attacker(world: World) -> bool:
    """Whether the opened family is the attacker's."""
    return world.attacker is not None and world.attacker.child


def can_open(world: World, scene: Scene) -> bool:
    """Only one opened family is kept in mind, and one of the attacker's not given up."""
    if not scene.locks:
        return world.family.child is Child.NONE
    held = belongs_to_attacker(world) or world.family.child in {Child.CLOSING, Child.CLOSED}
    return not held
