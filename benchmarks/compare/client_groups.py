"""Clients of one subject: they log in, send requests, refresh and log out, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from benchmarks.compare.calls import Answer, Call, Tokens, run
from benchmarks.compare.measurements.cpu import Cost, CpuMeter
from benchmarks.compare.project import username
from benchmarks.compare.subjects.base import Subject

OPERATIONS: Final = ("login", "request", "refresh", "logout")


class UnexpectedAnswerError(Exception):
    """An operation of a subject did not succeed."""


class ClientGroup:
    """A number of clients that execute the same operation one after the other.

    Each client has its own user and its own address, so that no throttle slows a batch.
    """

    def __init__(self, subject: Subject, handler: Any) -> None:
        self.subject = subject
        self.handler = handler
        self.tokens: list[Tokens] = []
        self._logins = 0

    def calls(self, operation: str, clients: int) -> list[Call] | None:
        """The calls of one operation; None if the subject does not have it."""
        if operation == "login":
            return [self._next_login() for _ in range(clients)]
        build = getattr(self.subject, operation)
        calls = [build(tokens) for tokens in self.tokens]
        return None if None in calls else calls

    def calls_of_new(self, operation: str, clients: int) -> list[Call] | None:
        """The calls of one operation, with clients that have just logged in."""
        self.take("login", [self.send(self._next_login()) for _ in range(clients)])
        return self.calls(operation, clients)

    def _next_login(self) -> Call:
        self._logins += 1
        number = self._logins
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return replace(self.subject.login(username(number)), address=address)

    def measure(self, operation: str, clients: int, meter: CpuMeter) -> Cost | None:
        """Execute the operation with all clients; return the CPU time of all."""
        calls = self.calls(operation, clients)
        if calls is None:
            return None
        if operation == "request":
            # The first request of a session fills caches.
            self.take(operation, [self.send(call) for call in calls])
        cost, answers = meter.measure(self.handler, [call.environ() for call in calls])
        self.take(operation, answers)
        return cost

    def take(self, operation: str, answers: Sequence[Answer]) -> None:
        """Store what the clients store after the operation."""
        for answer in answers:
            if not self.subject.succeeded(operation, answer):
                text = answer.body[:300].decode(errors="replace")
                raise UnexpectedAnswerError(
                    f"{self.subject.name}: {operation} answered {answer.status} {text}"
                )
        if operation == "login":
            self.tokens = [self.subject.read_login(answer) for answer in answers]
            self.subject.started(self.tokens)
        elif operation == "refresh":
            read = self.subject.read_refresh
            self.tokens = [read(*pair) for pair in zip(self.tokens, answers, strict=True)]

    def login_one(self) -> None:
        """Start one session."""
        call = self._next_login()
        self.take("login", [self.send(call)])

    def user(self) -> Any:
        """The user of the last login."""
        from django.contrib.auth.models import User

        return User.objects.get(username=username(self._logins))

    def send(self, call: Call) -> Answer:
        """Send one call, without a measurement."""
        return run(self.handler, call.environ())
