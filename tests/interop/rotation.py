"""``python -m tests.interop.rotating --seconds 30``: change keys under load, refuse nobody.

Two server processes on one database, each started with its settings, behind one address. Clients
sign in, call, and refresh when their access token is about to expire; each access token also goes
to a service that knows the public keys only. Meanwhile the servers are replaced one by one, as in
a rolling deployment, with the settings that docs/keys.md prescribes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.interop.front import Front
from tests.interop.processes import Child

SERVERS = 2
KEPT = 1.0
"""Seconds that the service keeps the public keys, in place of its five minutes."""
LIFETIME_AND_LEEWAY = 4.0
"""Seconds, as the settings ``tests.interop.served`` have them."""

Keys = list[dict[str, str]]


@dataclass
class Counted:
    """What happened. ``refused`` must stay empty."""

    requests: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    algorithms: Counter[str] = field(default_factory=Counter)
    rotations: int = 0


class Client(threading.Thread):
    """One signed-in device, until it is told to stop."""

    def __init__(self, credentials: dict[str, str], fleet: Fleet) -> None:
        super().__init__(daemon=True)
        self.credentials, self.fleet = credentials, fleet
        self.held: dict[str, Any] = {}

    def run(self) -> None:
        try:
            self._take(self._ask("login/", self.credentials))
            while not self.fleet.stopping.is_set():
                self._call()
                if self._is_about_to_expire():
                    self._take(self._ask("refresh/", {"refresh": self.held["refresh"]}))
                time.sleep(random.uniform(0, 0.03))  # noqa: S311  (no secret)
        except Exception as error:  # noqa: BLE001  (a thread's end must not go unseen)
            self.fleet.counted.refused.append(f"client ended: {error!r}")

    def _take(self, answer: dict[str, Any]) -> None:
        self.held |= answer

    def _is_about_to_expire(self) -> bool:
        expires_at = datetime.fromisoformat(self.held["access_expires_at"])
        return expires_at - datetime.now(UTC) < timedelta(seconds=1)

    def _call(self) -> None:
        access = self.held["access"]
        headers = {"Authorization": f"Bearer {access}"}
        self.fleet.ask("call", self.fleet.front.port, "GET", "/who-am-i/", headers=headers)
        self.fleet.ask("service", self.fleet.service.port, "GET", "/", headers=headers)

    def _ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        port = self.fleet.front.port
        said = self.fleet.ask(path, port, "POST", f"/auth/{path}", body)
        header = said["access"].partition(".")[0]
        self.fleet.counted.algorithms[header] += 1
        return said


class Fleet:
    """The servers, what stands before them, and the service beside them."""

    def __init__(self, database: str, keys: Keys) -> None:
        self.database = database
        self.counted = Counted()
        self.stopping = threading.Event()
        self.front = Front()
        self.servers: list[Child] = []
        self.roll_out(keys)
        url = f"http://127.0.0.1:{self.front.port}/auth/jwks.json"
        self.service = Child("tests.interop.service", url, str(KEPT))

    def roll_out(self, keys: Keys) -> None:
        """Replace the servers one by one by such with these keys."""
        before = self.servers
        self.servers = []
        for number in range(SERVERS):
            server = Child(
                "tests.interop.server",
                DJANGO_SETTINGS_MODULE="tests.interop.served",
                REFRESH_SESSIONS_SERVED_DATABASE=self.database,
                REFRESH_SESSIONS_SERVED_KEYS=json.dumps(keys),
            )
            self.servers.append(server)
            self.front.add(server.port)
            if before:
                self.front.remove(before[number].port)
                before[number].end()

    def ask(
        self,
        what: str,
        port: int,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        web = HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            sent = {"Content-Type": "application/json", **(headers or {})}
            web.request(method, path, json.dumps(body) if body else None, sent)
            answer = web.getresponse()
            content = answer.read().decode()
        finally:
            web.close()
        self.counted.requests[what] += 1
        if answer.status != 200:
            self.counted.refused.append(f"{what} {answer.status} {content[:200]}")
        said: dict[str, Any] = json.loads(content)
        return said

    def close(self) -> None:
        for child in (*self.servers, self.service):
            child.end()
        self.front.close()


def rotate_under_load(
    database: str,
    people: list[dict[str, str]],
    *,
    keys: Keys,
    seconds: float = 0,
    careful: bool = True,
) -> Counted:
    """Change from key to key while people go on; one rotation, and more while there is time."""
    end = time.monotonic() + seconds
    fleet = Fleet(database, keys[:1])
    clients = [Client(credentials, fleet) for credentials in people]
    try:
        for client in clients:
            client.start()
        time.sleep(1)
        while fleet.counted.rotations == 0 or time.monotonic() < end:
            which = fleet.counted.rotations
            old, new = keys[which % len(keys)], keys[(which + 1) % len(keys)]
            if careful:
                fleet.roll_out([old, new])
                time.sleep(KEPT)
                fleet.roll_out([new, old])
                time.sleep(LIFETIME_AND_LEEWAY)
            fleet.roll_out([new])
            fleet.counted.rotations += 1
        time.sleep(1)
    finally:
        fleet.stopping.set()
        for client in clients:
            client.join(60)
        fleet.close()
    return fleet.counted


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--clients", type=int, default=12)
    arguments = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.interop.served"
    os.environ["REFRESH_SESSIONS_SERVED_KEYS"] = "[]"
    with tempfile.TemporaryDirectory(prefix="refresh_sessions-rotating-") as directory:
        database = str(Path(directory) / "rotating.sqlite3")
        os.environ["REFRESH_SESSIONS_SERVED_DATABASE"] = database
        people, keys = _prepare(arguments.clients)
        counted = rotate_under_load(database, people, keys=keys, seconds=arguments.seconds)
    said = f"{counted.rotations} rotations, {counted.requests.total()} requests "
    said += f"{dict(counted.requests)}, refused: {len(counted.refused)}"
    print(said, *counted.refused[:10], sep="\n")  # noqa: T201  (for who started it)
    return 1 if counted.refused else 0


def _prepare(clients: int) -> tuple[list[dict[str, str]], Keys]:
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415  (Django is ready only now)

    from tests.factories import PASSWORD, UserFactory  # noqa: PLC0415
    from tests.keys import entry  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    names = [f"client{number}@example.org" for number in range(clients)]
    for name in names:
        UserFactory(username=name)
    people = [{"username": name, "password": PASSWORD} for name in names]
    return people, [entry("ES256"), entry("EdDSA"), entry("ES256", 1)]


if __name__ == "__main__":
    sys.exit(main())
