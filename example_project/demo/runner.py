"""Runner of the scenario: sends requests, prints them and checks the answers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from example_project.demo.http import Answer, HTTPClient, Request
from example_project.demo.screen import Screen, format_json, summarize

MAX_WAIT: Final = timedelta(seconds=3)

_POLL_INTERVAL: Final = 0.1
# Added to each wait, because clocks and timers are inexact.
_MARGIN: Final = timedelta(milliseconds=50)


class UnmetExpectationError(Exception):
    """An answer differs from the expectation."""

    def __init__(self, *, claim: str, expected: object, got: object) -> None:
        super().__init__(f"{claim}\n  expected  {expected}\n  got       {got}")


class Runner:
    """Sends the requests of the scenario, prints them, and checks expectations."""

    def __init__(self, client: HTTPClient, screen: Screen) -> None:
        self.client = client
        self.screen = screen
        self.passed = 0
        """The number of expectations that were met."""

    def send(self, who: str, request: Request) -> Answer:
        """Send a request; print request and answer."""
        self.screen.request(who, request)
        answer = self.client.exchange(request)
        self.screen.answer(who, request, answer)
        return answer

    def send_until(self, who: str, request: Request, *, status: int) -> Answer:
        """Repeat a request until the answer has the status: the database has its own clock."""
        self.screen.request(who, request)
        deadline = time.monotonic() + MAX_WAIT.total_seconds()
        answer = self.client.exchange(request)
        while answer.status != status and time.monotonic() < deadline:
            time.sleep(_POLL_INTERVAL)
            answer = self.client.exchange(request)
        self.screen.answer(who, request, answer)
        return answer

    def send_at_once(self, who: Sequence[str], requests: Sequence[Request]) -> list[Answer]:
        """Send all requests at the same time."""
        for name, request in zip(who, requests, strict=True):
            self.screen.request(name, request)
        answers = self.client.exchange_at_once(requests)
        for name, request, answer in zip(who, requests, answers, strict=True):
            self.screen.answer(name, request, answer, name_it=True)
        return answers

    def send_and_lose_answer(self, who: str, request: Request) -> None:
        """Send a request and drop the connection before its answer is read."""
        self.screen.request(who, request)
        self.client.lose_answer(request)
        self.screen.lost(who, request)

    def wait_until(self, instant: datetime, reason: str) -> None:
        """Wait for an instant, at most ``MAX_WAIT``."""
        left = min(instant + _MARGIN - datetime.now(UTC), MAX_WAIT).total_seconds()
        if left > 0:
            self.screen.waiting(left, reason)
            time.sleep(left)

    def wait(self, duration: timedelta, reason: str) -> None:
        """Wait for a duration, at most ``MAX_WAIT``."""
        self.wait_until(datetime.now(UTC) + duration, reason)

    def expect(self, claim: str, *, expected: object, got: object) -> None:
        """Check that both values are equal.

        Raises:
            UnmetExpectationError: the values differ.

        """
        if expected != got:
            self.screen.failure(claim)
            raise UnmetExpectationError(claim=claim, expected=expected, got=got)
        self.screen.success(claim)
        self.passed += 1

    def expect_answer(self, claim: str, answer: Answer, status: int, **fields: Any) -> None:
        """Check the status of an answer and fields of its body.

        Raises:
            UnmetExpectationError: the answer differs.

        """
        got = {name: answer.json.get(name) for name in fields}
        if (answer.status, got) != (status, fields):
            self.screen.failure(claim)
            raise UnmetExpectationError(
                claim=claim,
                expected=f"{status} {format_json(fields) if fields else ''}".rstrip(),
                got=summarize(answer),
            )
        self.screen.success(claim)
        self.passed += 1
