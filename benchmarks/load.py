"""A steady load of clients that log in, refresh, send requests and log out."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth import get_user_model

from refresh_sessions.exceptions import RefreshSessionsError
from refresh_sessions.sessions import (
    TokenPair,
    check_access_token,
    prune_sessions,
    refresh_session,
    revoke_session,
    revoke_user_sessions,
    start_session,
)

WEIGHTS: Final = {
    "refresh": 40.0,
    "request": 40.0,
    "login": 1.0,
    "logout": 0.3,
    "revoke user": 0.1,
}
USERS: Final = 500


class Load:
    """Clients with their newest tokens, and operations at a constant rate."""

    def __init__(self, rate: float) -> None:
        users = get_user_model().objects
        self.users = [users.create_user(f"user{number}") for number in range(USERS)]
        self.rate = rate
        self.clients: dict[Any, TokenPair] = {}
        self.done: Counter[str] = Counter()
        self.next_prune = time.monotonic() + 60
        self.random = random.Random(1)  # noqa: S311
        self.operations: dict[str, Callable[[], object]] = {
            "refresh": self.refresh,
            "request": self.request,
            "login": self.log_in,
            "logout": self.log_out,
            "revoke user": self.revoke_user,
        }

    def run(self, seconds: float) -> None:
        """Execute operations at the rate; the load is lower if the machine is too slow."""
        start, number = time.monotonic(), 0
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        while (elapsed := time.monotonic() - start) < seconds:
            if number > elapsed * self.rate:
                time.sleep(1 / self.rate)
                continue
            number = max(number, int(elapsed * self.rate) - 100)
            self.execute(self.random.choices(names, weights)[0])
            number += 1
            if time.monotonic() > self.next_prune:
                self.next_prune += 60
                self.prune()

    def execute(self, name: str) -> None:
        if not self.clients:
            name = "login"
        self.operations[name]()
        self.done[name] += 1

    def pick(self) -> TokenPair:
        # Each key of a dictionary is equally likely only by position.
        return self.clients[self.random.choice(list(self.clients))]

    def log_in(self) -> None:
        pair = start_session(self.random.choice(self.users), name="Phone")
        self.clients[pair.session.pk] = pair

    def refresh(self) -> None:
        pair = self.pick()
        try:
            self.clients[pair.session.pk] = refresh_session(str(pair.refresh))
        except RefreshSessionsError:
            del self.clients[pair.session.pk]

    def request(self) -> None:
        pair = self.pick()
        try:
            check_access_token(pair.access)
        except RefreshSessionsError:
            del self.clients[pair.session.pk]

    def log_out(self) -> None:
        pair = self.pick()
        revoke_session(pair.session, reason="logout")
        del self.clients[pair.session.pk]

    def revoke_user(self) -> None:
        user = self.random.choice(self.users)
        revoke_user_sessions(user, reason="admin")
        ended = [key for key, pair in self.clients.items() if pair.session.user_id == user.pk]
        for key in ended:
            del self.clients[key]

    def prune(self) -> None:
        self.done["pruned session"] += prune_sessions(older_than=timedelta(0))
