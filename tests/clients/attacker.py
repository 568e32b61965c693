"""The trailing attacker: one copied token, which comes a second after each of the owner's."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from tests.clients.world import World

ROUNDS = 4
BEHIND_SECONDS = 1


@dataclass
class Attacker:
    """Has what a storage dump gives: the token, and no cookie."""

    origin: str
    token: str
    attempts: list[float] = field(default_factory=list)
    """When each was answered, in seconds since the epoch."""

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


async def follow(world: World) -> Attacker:
    """Have the owner call after each expiry, and the attacker come behind."""
    await world.open("a")
    await world.login()
    copied = str((await world.look())["refresh"])
    attacker = Attacker(world.proxy.origin(world.run), copied)
    for _ in range(ROUNDS):
        await world.expire()
        await world.call()
        await asyncio.sleep(BEHIND_SECONDS)
        await asyncio.to_thread(attacker.try_token)
    return attacker
