"""Thefts, as the rotation rule tells them: who refreshes first, and who next.

A theft has to be found as soon as both have used what they hold. Where an answer or the evidence
of a delivery is lost on the way, that is one use later; never later than ``LATEST``.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.soaking.clients import insist
from tests.faults.soaking.wire import Wire

REVOKED = "session_revoked"
LATEST = 3


@dataclass(kw_only=True)
class Holder:
    """Somebody who holds tokens of a session, by right or not."""

    wire: Wire
    access: str
    refresh: str
    overlap: float
    refresh_is_new: bool = False

    def rotate(self) -> str:
        """Refresh until there is a new token: nothing, or the code of the refusal."""
        for _ in range(10):
            answer = self.ask_once()
            if answer or self.refresh_is_new:
                return answer
            self.wait()
        raise TimeoutError("no new refresh token")

    def ask_once(self) -> str:
        answer = insist(lambda: self.wire.refresh(self.refresh))
        if answer.status != 200:
            return answer.code
        self.access = answer.body["access"]
        newest = answer.body.get("refresh", self.refresh)
        self.refresh_is_new = newest != self.refresh
        self.refresh = newest
        return ""

    def call(self) -> str:
        return insist(lambda: self.wire.call(self.access)).code

    def use(self) -> str:
        """A refresh, and a call with what it gave."""
        return self.rotate() or self.call()

    def wait(self) -> None:
        """Until no overlap is left."""
        time.sleep(self.overlap * 1.1)


Story = Callable[[Holder, Holder], tuple[Holder, Holder]]
"""What victim and thief do. Returns whose next use must find it, and the other."""


def thief_first(victim: Holder, thief: Holder):
    thief.use()
    thief.wait()
    return victim, thief


def thief_first_and_again(victim: Holder, thief: Holder):
    thief.use()
    thief.wait()
    thief.use()
    return victim, thief


def victim_first_and_calls(victim: Holder, thief: Holder):
    victim.use()
    victim.wait()
    return thief, victim


def victim_first_and_rests(victim: Holder, thief: Holder):
    """The thief is taken for a client whose answer got lost, until the victim comes back."""
    victim.rotate()
    victim.wait()
    thief.use()
    thief.wait()
    return victim, thief


def thief_in_the_window(victim: Holder, thief: Holder):
    """The thief is taken for a sibling, and gets no refresh token."""
    victim.use()
    thief.ask_once()
    thief.wait()
    return thief, victim


def idle_victim(victim: Holder, thief: Holder):
    """Nothing can be found as long as only one of them comes."""
    for _ in range(3):
        thief.use()
        thief.wait()
    return victim, thief


STORIES: list[Story] = [
    thief_first,
    thief_first_and_again,
    victim_first_and_calls,
    victim_first_and_rests,
    thief_in_the_window,
    idle_victim,
]


def play(story: Story, victim: Holder, thief: Holder) -> int | None:
    """How many uses after the first that could find it the theft was found; None for never."""
    next_, other = story(victim, thief)
    for late in range(LATEST + 1):
        if next_.use() == REVOKED:
            ended = {victim.call(), thief.call(), victim.ask_once(), thief.ask_once()}
            return late if ended == {REVOKED} else None
        next_.wait()
        next_, other = other, next_
    return None
