"""Where the story is played: it sends, shows and checks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from example_project.demo.http import Answer, Request, Wire
from example_project.demo.screen import Screen, in_short, readable

LONGEST_WAIT: Final = timedelta(seconds=3)

_BETWEEN_LOOKS: Final = 0.1
# A moment has passed for sure a little after it.
_MARGIN: Final = timedelta(milliseconds=50)


class UnmetExpectationError(Exception):
    """The server did not do as told."""

    def __init__(self, *, claim: str, expected: object, got: object) -> None:
        super().__init__(f"{claim}\n  expected  {expected}\n  got       {got}")


class Stage:
    """Everything that the story does to the world goes through here."""

    def __init__(self, wire: Wire, screen: Screen) -> None:
        self.wire = wire
        self.screen = screen
        self.kept = 0
        """How many expectations have been met."""

    def ask(self, who: str, request: Request) -> Answer:
        """Send a request and show both."""
        self.screen.request(who, request)
        answer = self.wire.exchange(request)
        self.screen.answer(answer)
        return answer

    def ask_until(self, who: str, request: Request, *, status: int) -> Answer:
        """Ask again until the answer has this status: the database's clock may be another."""
        self.screen.request(who, request)
        give_up = time.monotonic() + LONGEST_WAIT.total_seconds()
        answer = self.wire.exchange(request)
        while answer.status != status and time.monotonic() < give_up:
            time.sleep(_BETWEEN_LOOKS)
            answer = self.wire.exchange(request)
        self.screen.answer(answer)
        return answer

    def ask_at_once(self, who: Sequence[str], requests: Sequence[Request]) -> list[Answer]:
        """Send all requests at the same moment."""
        for name, request in zip(who, requests, strict=True):
            self.screen.request(name, request)
        answers = self.wire.exchange_at_once(requests)
        for name, answer in zip(who, answers, strict=True):
            self.screen.answer(answer, name)
        return answers

    def ask_in_vain(self, who: str, request: Request) -> None:
        """Send a request whose answer gets lost on its way."""
        self.screen.request(who, request)
        self.wire.lose_answer(request)
        self.screen.lost()

    def wait_until(self, moment: datetime, what_for: str) -> None:
        """Wait for a moment that is at most a few seconds away."""
        left = min(moment + _MARGIN - datetime.now(UTC), LONGEST_WAIT).total_seconds()
        if left > 0:
            self.screen.waiting(left, what_for)
            time.sleep(left)

    def wait(self, duration: timedelta, what_for: str) -> None:
        """Wait for a while."""
        self.wait_until(datetime.now(UTC) + duration, what_for)

    def expect(self, claim: str, *, expected: object, got: object) -> None:
        """Go on only if both are equal."""
        if expected != got:
            self.screen.wrong(claim)
            raise UnmetExpectationError(claim=claim, expected=expected, got=got)
        self.screen.right(claim)
        self.kept += 1

    def expect_answer(self, claim: str, answer: Answer, status: int, **fields: Any) -> None:
        """Go on only if the answer has this status, and these fields in its body."""
        got = {name: answer.json.get(name) for name in fields}
        if (answer.status, got) != (status, fields):
            self.screen.wrong(claim)
            raise UnmetExpectationError(
                claim=claim,
                expected=f"{status} {readable(fields) if fields else ''}".rstrip(),
                got=in_short(answer),
            )
        self.screen.right(claim)
        self.kept += 1
