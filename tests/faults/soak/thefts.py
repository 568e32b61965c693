"""Thefts in different orders of refreshes by owner and attacker.

A theft must be detected as soon as both have used their tokens. A lost answer or lost evidence of
delivery delays that by one use; never beyond ``LATEST``.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.soak.clients import retry_until_answered
from tests.faults.soak.http_client import HttpClient

REVOKED = "session_revoked"
LATEST = 3


@dataclass(kw_only=True)
class TokenHolder:
    """Owner or attacker with tokens of one session."""

    http: HttpClient
    access: str
    refresh: str
    overlap: float
    refresh_is_new: bool = False

    def rotate(self) -> str:
        """Refresh until there is a new token; return an empty string or the code of a refusal."""
        for _ in range(10):
            answer = self.refresh_once()
            if answer or self.refresh_is_new:
                return answer
            self.wait()
        raise TimeoutError("no new refresh token")

    def refresh_once(self) -> str:
        answer = retry_until_answered(lambda: self.http.refresh(self.refresh))
        if answer.status != 200:
            return answer.code
        self.access = answer.body["access"]
        newest = answer.body.get("refresh", self.refresh)
        self.refresh_is_new = newest != self.refresh
        self.refresh = newest
        return ""

    def call(self) -> str:
        return retry_until_answered(lambda: self.http.call(self.access)).code

    def use(self) -> str:
        """Refresh, then call with the new access token."""
        return self.rotate() or self.call()

    def wait(self) -> None:
        """Wait until the overlap has passed."""
        time.sleep(self.overlap * 1.1)


Story = Callable[[TokenHolder, TokenHolder], tuple[TokenHolder, TokenHolder]]
"""Requests of owner and attacker. Returns the client whose next use must be detected, and the
other.
"""


def attacker_first(owner: TokenHolder, attacker: TokenHolder):
    attacker.use()
    attacker.wait()
    return owner, attacker


def attacker_first_and_again(owner: TokenHolder, attacker: TokenHolder):
    attacker.use()
    attacker.wait()
    attacker.use()
    return owner, attacker


def owner_first_with_call(owner: TokenHolder, attacker: TokenHolder):
    owner.use()
    owner.wait()
    return attacker, owner


def owner_first_without_call(owner: TokenHolder, attacker: TokenHolder):
    """The attacker resembles a client after a lost answer, until the owner refreshes."""
    owner.rotate()
    owner.wait()
    attacker.use()
    attacker.wait()
    return owner, attacker


def attacker_within_overlap(owner: TokenHolder, attacker: TokenHolder):
    """The attacker resembles a sibling and gets no refresh token."""
    owner.use()
    attacker.refresh_once()
    attacker.wait()
    return attacker, owner


def idle_owner(owner: TokenHolder, attacker: TokenHolder):
    """Nothing can be detected while only one of them sends requests."""
    for _ in range(3):
        attacker.use()
        attacker.wait()
    return owner, attacker


STORIES: list[Story] = [
    attacker_first,
    attacker_first_and_again,
    owner_first_with_call,
    owner_first_without_call,
    attacker_within_overlap,
    idle_owner,
]


def run_story(story: Story, owner: TokenHolder, attacker: TokenHolder) -> int | None:
    """Return the number of uses until the theft was detected; None for never."""
    next_, other = story(owner, attacker)
    for late in range(LATEST + 1):
        if next_.use() == REVOKED:
            ended = {owner.call(), attacker.call(), owner.refresh_once(), attacker.refresh_once()}
            return late if ended == {REVOKED} else None
        next_.wait()
        next_, other = other, next_
    return None
