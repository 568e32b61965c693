"""One run of clients, attackers and outages, and the checks at its end."""

import argparse
import random
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

from tests.faults.soak.clients import Client, retry_until_answered
from tests.faults.soak.http_client import HttpClient, Statistics
from tests.faults.soak.preparation import PASSWORD
from tests.faults.soak.thefts import STORIES, TokenHolder, run_story

Actor = Callable[[Event], object]
"""Runs until the event is set."""

Outage = tuple[int, Callable[[int], str]]
"""How often it happens, and the function that causes it: number to description."""


class Soak:
    """One run: clients and attackers send requests to servers while outages happen.

    Each request goes to one of the servers at random.
    """

    def __init__(self, options: argparse.Namespace, ports: Sequence[int]) -> None:
        self.options = options
        self.ports = ports
        self.statistics = Statistics()
        self.rng = random.Random(options.seed)  # noqa: S311  (no secrets)
        self.clients: list[Client] = []
        self.thefts: dict[str, int | None] = {}
        """For each stolen session the delay of its detection, in uses."""
        self.over = Event()

    def run(self, outages: Iterable[Outage], others: Sequence[Actor] = ()) -> None:
        """Run until the time is over, with other actors beside clients and attackers."""
        options = self.options
        self.clients = [self._client(number) for number in range(options.clients)]
        actors: list[Actor] = [client.run for client in self.clients]
        actors += [partial(self._steal, number) for number in range(options.thefts)]
        actors += [*others, *(partial(self._run_outages, outage) for outage in outages)]
        with ThreadPoolExecutor(len(actors)) as pool:
            runs = [pool.submit(actor, self.over) for actor in actors]
            try:
                self.over.wait(options.seconds)
            finally:
                self.over.set()
        for failed in filter(None, (done.exception() for done in runs)):
            self.statistics.add_violation(repr(failed))
        time.sleep(options.overlap * 1.1)

    def http_client(self, who: str) -> HttpClient:
        return HttpClient(who=who, ports=self.ports, statistics=self.statistics)

    def _client(self, number: int) -> Client:
        http = self.http_client("honest")
        body = retry_until_answered(lambda: http.login(f"client{number}", PASSWORD)).body
        return Client(
            http=http,
            session=body["session"]["id"],
            access=body["access"],
            refresh=body["refresh"],
            tabs=self.options.tabs,
            loss=self.options.loss,
            overlap=self.options.overlap,
            rng=random.Random(self.rng.random()),  # noqa: S311
        )

    def _steal(self, number: int, over: Event) -> None:
        """Run one theft after another, each of a new session."""
        http = self.http_client("owner or attacker")
        while not over.is_set():
            body = retry_until_answered(lambda: http.login(f"owner{number}", PASSWORD)).body
            tokens = {"access": body["access"], "refresh": body["refresh"]}
            owner, attacker = (
                TokenHolder(http=http, overlap=self.options.overlap, **tokens) for _ in range(2)
            )
            story = STORIES[len(self.thefts) % len(STORIES)]
            self.thefts[body["session"]["id"]] = None
            late = run_story(story, owner, attacker)
            self.thefts[body["session"]["id"]] = late
            if late is None:
                self.statistics.add_violation(
                    f"{body['session']['id']}: {story.__name__} was not found"
                )

    def _run_outages(self, outage: Outage, over: Event) -> None:
        """Cause outages at random times of the run."""
        times, cause = outage
        started = time.monotonic()
        moments = sorted(self.rng.uniform(0, self.options.seconds) for _ in range(times))
        for number, moment in enumerate(moments, start=1):
            if over.wait(started + moment - time.monotonic()):
                return
            self.statistics.count(cause(number))

    def check_sessions(self) -> None:
        """Check every session, through the server and in the database."""
        from tests.faults.soak import final_checks  # noqa: PLC0415  (Django has to be set up)

        for client in self.clients:
            if not client.is_usable():
                self.statistics.add_violation(f"{client.session}: lost")
        self.statistics.violations += final_checks.find_honest_violations(self.clients)
        self.statistics.violations += final_checks.find_unreported_thefts(list(self.thefts))
        for client in self.clients:
            # The reuse below is not counted as honest.
            client.http.who = "last act"
            if not client.revokes_on_reuse():
                self.statistics.add_violation(f"{client.session}: doubled")
