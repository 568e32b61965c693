"""Rotate keys under load: ``python -m tests.interop.rotation --seconds 30``.

Two server processes on one database run behind one address. Clients log in, call, and refresh
before their access token expires; each access token is also sent to a service that has only the
public keys. The servers are replaced one by one, as in a rolling deployment, with the settings of
docs/keys.md. No request may be refused.
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

from tests.interop.load_balancer import LoadBalancer
from tests.interop.processes import Child

SERVERS = 2
CACHE_SECONDS = 1.0
"""Cache lifetime of the service's public keys in seconds, instead of five minutes."""
LIFETIME_AND_LEEWAY = 4.0
"""Seconds, as in the settings ``tests.interop.server_settings``."""

Keys = list[dict[str, str]]


@dataclass
class Statistics:
    """Counts of requests; ``refused`` must stay empty."""

    requests: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    algorithms: Counter[str] = field(default_factory=Counter)
    rotations: int = 0


class Client(threading.Thread):
    """One logged-in device, until it is stopped."""

    def __init__(self, credentials: dict[str, str], deployment: Deployment) -> None:
        super().__init__(daemon=True)
        self.credentials, self.deployment = credentials, deployment
        self.held: dict[str, Any] = {}

    def run(self) -> None:
        try:
            self._store(self._ask("login/", self.credentials))
            while not self.deployment.stopping.is_set():
                self._call()
                if self._is_about_to_expire():
                    self._store(self._ask("refresh/", {"refresh": self.held["refresh"]}))
                time.sleep(random.uniform(0, 0.03))  # noqa: S311  (no secret)
        except Exception as error:  # noqa: BLE001  (an error in a thread must be reported)
            self.deployment.statistics.refused.append(f"client ended: {error!r}")

    def _store(self, answer: dict[str, Any]) -> None:
        self.held |= answer

    def _is_about_to_expire(self) -> bool:
        expires_at = datetime.fromisoformat(self.held["access_expires_at"])
        return expires_at - datetime.now(UTC) < timedelta(seconds=1)

    def _call(self) -> None:
        access = self.held["access"]
        headers = {"Authorization": f"Bearer {access}"}
        self.deployment.ask(
            "call", self.deployment.load_balancer.port, "GET", "/who-am-i/", headers=headers
        )
        self.deployment.ask("service", self.deployment.service.port, "GET", "/", headers=headers)

    def _ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        port = self.deployment.load_balancer.port
        result = self.deployment.ask(path, port, "POST", f"/auth/{path}", body)
        header = result["access"].partition(".")[0]
        self.deployment.statistics.algorithms[header] += 1
        return result


class Deployment:
    """The servers, the load balancer, and the other service."""

    def __init__(self, database: str, keys: Keys) -> None:
        self.database = database
        self.statistics = Statistics()
        self.stopping = threading.Event()
        self.load_balancer = LoadBalancer()
        self.servers: list[Child] = []
        self.roll_out(keys)
        url = f"http://127.0.0.1:{self.load_balancer.port}/auth/jwks.json"
        self.service = Child("tests.interop.service", url, str(CACHE_SECONDS))

    def roll_out(self, keys: Keys) -> None:
        """Replace the servers one by one with new keys."""
        before = self.servers
        self.servers = []
        for number in range(SERVERS):
            server = Child(
                "tests.interop.server",
                DJANGO_SETTINGS_MODULE="tests.interop.server_settings",
                REFRESH_SESSIONS_SERVED_DATABASE=self.database,
                REFRESH_SESSIONS_SERVED_KEYS=json.dumps(keys),
            )
            self.servers.append(server)
            self.load_balancer.add(server.port)
            if before:
                self.load_balancer.remove(before[number].port)
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
        self.statistics.requests[what] += 1
        if answer.status != 200:
            self.statistics.refused.append(f"{what} {answer.status} {content[:200]}")
        result: dict[str, Any] = json.loads(content)
        return result

    def close(self) -> None:
        for child in (*self.servers, self.service):
            child.end()
        self.load_balancer.close()


def rotate_under_load(
    database: str,
    logins: list[dict[str, str]],
    *,
    keys: Keys,
    seconds: float = 0,
    stepwise: bool = True,
) -> Statistics:
    """Rotate the keys once, and repeatedly until the time is over."""
    end = time.monotonic() + seconds
    deployment = Deployment(database, keys[:1])
    clients = [Client(credentials, deployment) for credentials in logins]
    try:
        for client in clients:
            client.start()
        time.sleep(1)
        while deployment.statistics.rotations == 0 or time.monotonic() < end:
            which = deployment.statistics.rotations
            old, new = keys[which % len(keys)], keys[(which + 1) % len(keys)]
            if stepwise:
                deployment.roll_out([old, new])
                time.sleep(CACHE_SECONDS)
                deployment.roll_out([new, old])
                time.sleep(LIFETIME_AND_LEEWAY)
            deployment.roll_out([new])
            deployment.statistics.rotations += 1
        time.sleep(1)
    finally:
        deployment.stopping.set()
        for client in clients:
            client.join(60)
        deployment.close()
    return deployment.statistics


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--clients", type=int, default=12)
    arguments = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.interop.server_settings"
    os.environ["REFRESH_SESSIONS_SERVED_KEYS"] = "[]"
    with tempfile.TemporaryDirectory(prefix="refresh_sessions-rotation-") as directory:
        database = str(Path(directory) / "rotation.sqlite3")
        os.environ["REFRESH_SESSIONS_SERVED_DATABASE"] = database
        logins, keys = _prepare(arguments.clients)
        statistics = rotate_under_load(database, logins, keys=keys, seconds=arguments.seconds)
    result = f"{statistics.rotations} rotations, {statistics.requests.total()} requests "
    result += f"{dict(statistics.requests)}, refused: {len(statistics.refused)}"
    print(result, *statistics.refused[:10], sep="\n")  # noqa: T201  (the output of this program)
    return 1 if statistics.refused else 0


def _prepare(clients: int) -> tuple[list[dict[str, str]], Keys]:
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415  (requires a configured Django)

    from tests.factories import PASSWORD, UserFactory  # noqa: PLC0415
    from tests.keys import entry  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    names = [f"client{number}@example.org" for number in range(clients)]
    for name in names:
        UserFactory(username=name)
    logins = [{"username": name, "password": PASSWORD} for name in names]
    return logins, [entry("ES256"), entry("EdDSA"), entry("ES256", 1)]


if __name__ == "__main__":
    sys.exit(main())
