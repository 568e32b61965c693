"""Process with the tabs of clients from PyPI: ``python -m tests.clients.python.host``.

Accepts the commands of ``javascript/host.mjs``. Each call of a tab runs in its own thread.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.clients.python.glue import STYLES, Glue, Storage
from tests.clients.python.libraries import LIBRARIES, Client


class Host:
    """All tabs of all runs."""

    def __init__(self) -> None:
        self.storages: dict[str, Storage] = {}
        self.tabs: dict[tuple[str, str], tuple[Client, Glue]] = {}

    def open(self, *, run: str, tab: str, client: str, style: str, origin: str, jar: bool) -> None:
        storage = self.storages.setdefault(run, Storage(jar=jar))
        glue = Glue(STYLES[style], storage, threading.Lock())
        self.tabs[run, tab] = LIBRARIES[client](origin, glue), glue

    def login(self, *, run: str, tab: str, username: str, password: str) -> None:
        client, glue = self.tabs[run, tab]
        tokens = client.login({"username": username, "password": password})
        glue.storage.access, glue.storage.refresh = tokens["access"], tokens["refresh"]

    def call(self, *, run: str, tab: str, times: int) -> dict[str, Any]:
        client, _ = self.tabs[run, tab]
        return _at_once(times, client.call)

    def start(self, *, run: str, tab: str, times: int) -> dict[str, Any]:
        """Refresh and then call, as applications do at start."""
        client, _ = self.tabs[run, tab]

        def work(number: int) -> None:
            client.renew()
            client.call(number)

        return _at_once(times, work)

    def look(self, *, run: str) -> dict[str, Any]:
        storage = self.storages[run]
        return {"signedOut": storage.signed_out, "refresh": storage.refresh}

    def close(self, *, run: str) -> None:
        del self.storages[run]
        self.tabs = {key: tab for key, tab in self.tabs.items() if key[0] != run}


def _at_once(times: int, work: Callable[[int], None]) -> dict[str, Any]:
    def outcome(number: int) -> str | None:
        try:
            work(number)
        except Exception as error:  # noqa: BLE001  (a client may raise any error)
            return repr(error)
        return None

    with ThreadPoolExecutor(times) as pool:
        failures = [failure for failure in pool.map(outcome, range(times)) if failure]
    return {"failures": failures}


def main() -> None:
    host, lock = Host(), threading.Lock()

    def execute(line: str) -> None:
        command = json.loads(line)
        number, op = command.pop("id"), command.pop("op")
        try:
            answer = getattr(host, op)(**command) or {}
        except Exception as error:  # noqa: BLE001  (reported to the caller)
            answer = {"error": repr(error)}
        with lock:
            sys.stdout.write(json.dumps({"id": number, **answer}) + "\n")
            sys.stdout.flush()

    for line in sys.stdin:
        threading.Thread(target=execute, args=(line,), daemon=True).start()


if __name__ == "__main__":
    main()
