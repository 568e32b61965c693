"""Requests to all worker processes of a server, and how long they accept a token."""

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, NamedTuple

from tests.races.server import HOST, WORKERS, gunicorn

TIMEOUT = 8.0
"""``CACHE_TIMEOUT`` of the servers, in seconds."""

LONGEST = 60.0
"""Seconds until the test gives up."""


class Answer(NamedTuple):
    """A response of one worker."""

    status: int
    worker: str
    queries: int


@dataclass(frozen=True, slots=True)
class Workers:
    """A server with several worker processes."""

    port: int

    def ask(self, pair: Any) -> Answer:
        """Use the access token."""
        web = HTTPConnection(HOST, self.port, timeout=LONGEST)
        with closing(web):
            web.request("GET", "/who-am-i/", headers={"Authorization": f"Bearer {pair.access}"})
            response = web.getresponse()
            response.read()
            headers = response.headers
        assert response.status in {200, 401}, response.status
        return Answer(response.status, headers["X-Worker"], int(headers["X-Queries"]))

    def wait_for_cache(self, pair: Any) -> None:
        """Ask until each worker has used the snapshot several times in a row."""
        hits, deadline = dict[str, int](), time.monotonic() + LONGEST
        while len(hits) < WORKERS or min(hits.values()) < 2:
            assert time.monotonic() < deadline, f"some workers do not use the cache: {hits}"
            status, worker, queries = self.ask(pair)
            assert status == 200
            hits[worker] = 0 if queries else hits.get(worker, 0) + 1

    def ask_each(self, pair: Any, *, times: int = 1) -> set[int]:
        """Ask until each worker has answered so often; return the statuses."""
        statuses, answers = set(), dict[str, int]()
        deadline = time.monotonic() + LONGEST
        while len(answers) < WORKERS or min(answers.values()) < times:
            assert time.monotonic() < deadline, f"some workers do not answer: {answers}"
            status, worker, _ = self.ask(pair)
            statuses.add(status)
            answers[worker] = answers.get(worker, 0) + 1
        return statuses

    def staleness(self, pair: Any, *, since: float | None = None) -> float:
        """Ask until all workers refuse the token; return the seconds until its last acceptance.

        Args:
            pair: the pair, whose access token is not valid any more.
            since: the ``time.monotonic()`` of the change; now by default.

        """
        since = time.monotonic() if since is None else since
        last, refusals = since, dict[str, int]()
        while len(refusals) < WORKERS or min(refusals.values()) < 3:
            started = time.monotonic()
            assert started < since + LONGEST, "still accepted"
            status, worker, _ = self.ask(pair)
            if status == 200:
                last, refusals = started, {}
            else:
                refusals[worker] = refusals.get(worker, 0) + 1
        return last - since


@contextmanager
def serving(
    caches: dict[str, Any], *, settings: str = "tests.outages.server_settings"
) -> Iterator[Workers]:
    """Serve the tests' project with these caches, which the settings module reads as JSON."""
    variables = {
        "DJANGO_SETTINGS_MODULE": settings,
        "REFRESH_SESSIONS_SERVED_CACHES": json.dumps(caches),
        "REFRESH_SESSIONS_SERVED_TIMEOUT": str(TIMEOUT),
    }
    with gunicorn(**variables) as port:
        yield Workers(port)
