"""An attacker with one copied token, who refreshes a second after each refresh of the owner."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from tests.clients.scenario_run import ScenarioRun

ROUNDS = 4
BEHIND_SECONDS = 1


@dataclass
class Attacker:
    """Has the refresh token from a copy of the storage, without cookies."""

    origin: str
    token: str
    attempts: list[float] = field(default_factory=list)
    """Times of the answers, in seconds since the epoch."""

    def try_token(self) -> None:
        request = urllib.request.Request(  # noqa: S310  (our own server)
            f"{self.origin}/auth/refresh/",
            json.dumps({"refresh": self.token}).encode(),
            {"Content-Type": "application/json", "User-Agent": "attacker"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                self.token = json.load(answer).get("refresh", self.token)
        except urllib.error.HTTPError as refusal:
            refusal.close()
        self.attempts.append(time.time())


async def follow(scenario_run: ScenarioRun) -> Attacker:
    """Let the owner call after each expiry, and the attacker refresh after each call."""
    await scenario_run.open("a")
    await scenario_run.login()
    copied = str((await scenario_run.look())["refresh"])
    attacker = Attacker(scenario_run.proxy.origin(scenario_run.run), copied)
    for _ in range(ROUNDS):
        await scenario_run.expire()
        await scenario_run.call()
        await asyncio.sleep(BEHIND_SECONDS)
        await asyncio.to_thread(attacker.try_token)
    return attacker
