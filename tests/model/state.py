"""State of the model: one family, a browser with several tabs, the network, at most one attacker.

A state is a value without clock or history, and generations are renumbered after each rotation: so
the number of states is finite, although stories may be endless.

The model leaves out the idle limit, the hard limit and the limit of refreshes. An opened family
follows the same rule as its parent and is searched as such; here it is a token that a client holds
or not.
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
    """What a client stores after a response without a refresh token."""

    DOCS = "nothing"
    TYPICAL = "the token that it has sent"
    NAIVE = "that there is none"


class Theft(Enum):
    """What an attacker copies, once, at any time."""

    STORAGE = "the storage, or a message"
    USED = "a token whose successor is stored"
    ACCESS = "an access token alone"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """The rule, and the abilities of client, network and attacker."""

    rule: Rule = field(default_factory=Rule)
    tabs: int = 2
    """Maximum number of concurrent requests of the honest client."""
    slowest: int | None = 1
    """Maximum duration of a request in ticks, response included; None for no limit."""
    rushes: bool = False
    """No request is in transit at the end of an overlap."""
    saves: Saves = Saves.DOCS
    companion: bool = False
    """The honest client shows the companion."""
    bound: bool = False
    """The family is bound to a key, which the honest client shows and the attacker lacks."""
    prompt: bool = False
    """The client calls the API as soon as a response arrives; otherwise later or never."""
    steps_up: bool = False
    """The client may re-authenticate at any time; the attacker cannot."""
    opens: bool = False
    """The client may open families, and so may an attacker with the necessary tokens."""
    locks: bool = True
    """The client sends nothing else while it opens a family. Otherwise it opens only one."""
    ends: bool = False
    """Client and attacker may log out, the session may be revoked elsewhere, the account may be
    deactivated and activated.
    """
    crashes: bool = False
    """The client may lose what it stored in the last minute; it refreshes once per minute."""
    fails_over: bool = False
    """The database may lose the last rotation, once."""
    theft: Theft | None = None
    alike: bool = False
    """The attacker has the owner's network or user agent."""


class Kind(Enum):
    """The endpoint of a request."""

    REFRESH = "the request with"
    STEP_UP = "the re-authentication with"
    OPEN = "the opening with"
    SIGN_OUT = "the sign-out with"

    def __lt__(self, other: Kind) -> bool:
        return self.value < other.value


class Message(NamedTuple):
    """A request in transit, or its response."""

    kind: Kind
    sent: int
    """The refresh token of the request; for a re-authentication the access token."""
    age: int = 0
    """Ticks since the request was sent."""
    answered: bool = False
    refresh: int = NONE
    current: bool = False
    """The response has an access token of the newest generation."""
    new_token: bool = False
    """The response has a new refresh token."""
    orphan: bool = False
    """The client has crashed since: the response is never delivered."""

    @property
    def tokens(self) -> frozenset[int]:
        """The refresh tokens that a reader of the message finds."""
        sent = () if self.kind is Kind.STEP_UP else (self.sent,)
        return frozenset({self.refresh, *sent}) - {NONE}


class Attacker(NamedTuple):
    """Tokens that the attacker copied or was given."""

    tokens: tuple[int, ...]
    access: bool
    """The attacker has an access token of the newest generation."""
    ahead: bool = False
    """The attacker, not the owner, received the last new refresh token."""
    served: bool = False
    """The attacker received an access token since the owner's last new refresh token."""
    gained: int = NONE
    """The newest token that was issued to the attacker; NONE once it was used."""
    used: bool = False
    """The attacker has sent a refresh token that was issued to the attacker."""
    outdated: bool = False
    """All copied tokens precede the last re-authentication."""
    reauthenticated: bool = False
    """The attacker has an access token with the last re-authentication."""
    child: bool = False
    """The attacker has opened a family."""


class State(NamedTuple):
    """A state of the model. Tabs share the storage and have only requests of their own."""

    family: Family = Family()
    storage: int = 1
    access: bool = True
    """The client has an access token of the newest generation."""
    in_transit: tuple[Message, ...] = ()
    attacker: Attacker | None = None
    reauthentication: Reauthentication = Reauthentication.CARRIED
    """Kept only in scenarios with re-authentication or opened families."""
    by_attacker: bool = False
    """The last rotation was made by an attacker who does not resemble the owner."""
    earlier: int = NONE
    """The stored token at the last rotation; kept only in scenarios with crashes."""
    before: Family | None = None
    """The row before the last rotation; kept only in scenarios with lost writes."""
    failed_over: bool = False
    inactive: bool = False
    """The account is deactivated."""
    child: bool = False
    """Another process of the client has the token of the opened family."""

    @property
    def tokens(self) -> frozenset[int]:
        """All refresh tokens that any client can still send."""
        held = {self.storage, *(self.attacker.tokens if self.attacker else ())}
        return frozenset(held).union(*(message.tokens for message in self.in_transit)) - {NONE}


def kind_of(token: int, family: Family) -> str:
    """Describe a token in words."""
    if token == family.newest:
        return "the newest token"
    if token > family.newest:
        return "a token that the database lost"
    if token == family.redeemable:
        return "the token before"
    if token < (family.redeemable or 0):
        return "an old token"
    return "a token taken back"


def canonicalize(state: State) -> State:
    """Renumber the tokens so that tokens which no rule distinguishes become equal."""
    rows = [state.family, *([state.before] if state.before else [])]
    marks = {mark for row in rows for mark in (row.newest, row.redeemable, row.tolerated) if mark}
    held = {*state.tokens, state.earlier} | {m.sent for m in state.in_transit}
    # Tokens that the database lost stay distinct; they are few.
    marks |= {token for token in held if token > state.family.newest}
    new = _numbers(tuple(sorted(marks)), max(held))
    attacker = state.attacker
    if attacker:
        tokens = tuple(sorted({new[token] for token in attacker.tokens}))
        attacker = attacker._replace(tokens=tokens, gained=new[attacker.gained])
    in_transit = [m._replace(sent=new[m.sent], refresh=new[m.refresh]) for m in state.in_transit]
    return state._replace(
        family=_renumbered(state.family, new),
        storage=new[state.storage],
        in_transit=tuple(sorted(in_transit)),
        attacker=attacker,
        earlier=new[state.earlier],
        before=state.before and _renumbered(state.before, new),
    )


def _renumbered(family: Family, new: dict[int, int]) -> Family:
    return family._replace(
        newest=new[family.newest],
        redeemable=family.redeemable and new[family.redeemable],
        tolerated=family.tolerated and new[family.tolerated],
    )


@cache
def _numbers(marks: tuple[int, ...], highest: int) -> dict[int, int]:
    """Map all tokens older than the marks to 0, and all between two marks to one number."""
    numbers, number = {NONE: NONE}, 0
    last = -1
    for token in range(max(highest, marks[-1]) + 1):
        if token in marks or token - 1 in marks:
            number += 1
        numbers[token] = number
        last = token
    assert last >= marks[-1]
    return numbers


def belongs_to_attacker(state: State) -> bool:
    """Whether the attacker opened the family."""
    return state.attacker is not None and state.attacker.child


def can_open(state: State, scenario: Scenario) -> bool:
    """Whether a family may be opened; only one is modelled, and the attacker's is kept."""
    if not scenario.locks:
        return state.family.child is Child.NONE
    held = belongs_to_attacker(state) or state.family.child in {Child.CLOSING, Child.CLOSED}
    return not held
