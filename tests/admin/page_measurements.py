"""The admin's pages of sessions and events, measured at any number of rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from refresh_sessions.admin import DeviceSessionAdmin, SessionEventAdmin
from refresh_sessions.admin.filters import IDLE, MISUSE, REUSE, UNBOUND
from refresh_sessions.admin.pagination import BOUND
from refresh_sessions.devices import DeviceKind
from refresh_sessions.models import Binding, DeviceSession, EventKind, RevokedReason, SessionStatus
from tests.admin.event_pages import LIST as EVENTS
from tests.admin.pages import LIST, PREFIX
from tests.admin.query_plans import Node, nodes_of, worst_of

QUERIES = 12
"""Maximum number of queries of one page, with an empty cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMeasurement:
    """Queries, times and worst query plan of one page."""

    name: str
    status: int
    queries: int
    first: float
    """Milliseconds with an empty cache, which include the counts of the overview."""
    second: float
    """Milliseconds of the second request, with a warm cache."""
    worst: Node | None

    @property
    def faults(self) -> list[str]:
        """Return what exceeds the limits: status, number of queries, full scans."""
        faults = [] if self.status == 200 else [f"answered {self.status}"]
        if self.queries > QUERIES:
            faults.append(f"{self.queries} queries")
        if self.worst is None:
            faults.append("no plan was read")
        elif self.worst.reads_all:
            faults.append(str(self.worst))
        return [f"{self.name}: {fault}" for fault in faults]


def measure_pages(*, twice: bool) -> Iterator[PageMeasurement]:
    """Open every page as a superuser, a second time if ``twice``."""
    staff = get_user_model().objects.create_superuser("staff", password="staff-password")
    client = Client()
    client.force_login(staff)
    client.get(reverse(LIST))  # Content types are read once per process.
    for name, address in addresses():
        yield _measure(client, name, address, twice=twice)


def addresses() -> Iterator[tuple[str, str]]:
    """Yield both lists with each filter, and the pages of sessions and a user."""
    for query in _queries():
        name = "&".join(f"{key}={value}" for key, value in query.items())
        yield f"list {name}".strip(), reverse(LIST, query=query)
    for reason in ("", RevokedReason.REUSE):
        session = DeviceSession.objects.filter(revoked_reason=reason).order_by("created_at").last()
        assert session is not None
        name = "page of a stolen one" if reason else "page of a live one"
        yield name, reverse(f"{PREFIX}_change", args=[session.pk])
    yield "sign a user out", reverse(f"{PREFIX}_sign_out", args=[_busy_user()])
    for query in _event_queries():
        name = "&".join(f"{key}={value}" for key, value in query.items())
        yield f"events {name}".strip(), reverse(EVENTS, query=query)


def _queries() -> Iterator[dict[str, object]]:
    yield {}
    # The last page.
    yield {"p": str(BOUND // DeviceSessionAdmin.list_per_page)}
    for status in (*SessionStatus.values, IDLE, REUSE, MISUSE):
        yield {"status": status}
    for bound in (UNBOUND, Binding.DPOP, "a binding of nobody"):
        yield {"bound": bound}
    for reason in (*RevokedReason.values, "a reason of nobody"):
        yield {"reason": reason}
    for kind in DeviceKind.values:
        yield {"kind": kind}
    for period in ("hour", "today", "week", "month"):
        yield {"period": period}
    yield {"status": "live", "kind": "tablet"}
    yield {"status": "live", "period": "today"}
    yield {"status": "expired", "kind": "other"}
    yield {"status": "revoked", "reason": "user", "kind": "computer", "period": "month"}
    yield {"user__exact": _busy_user()}
    yield {"status": "live", "user__exact": _busy_user()}
    yield {"o": "5"}
    for term in _terms():
        yield {"q": term}
    yield {"q": "iphone", "status": "live"}
    yield {"q": "person77", "status": "revoked", "kind": "phone"}


def _event_queries() -> Iterator[dict[str, object]]:
    yield {}
    yield {"p": str(BOUND // SessionEventAdmin.list_per_page)}
    for kind in EventKind.values:
        yield {"kind": kind}
    for period in ("hour", "today", "week", "month"):
        yield {"period": period}
    yield {"kind": "reuse_detected", "period": "today"}
    yield {"user": _busy_user()}
    yield {"user": _busy_user(), "kind": "revoked", "period": "month"}
    session = DeviceSession.objects.order_by("created_at").last()
    assert session is not None
    yield {"session": session.pk}
    yield {"o": "1"}
    for term in _terms():
        yield {"q": term}
    yield {"q": "person77", "kind": "reauthenticated", "period": "week"}


def _terms() -> Iterator[str]:
    yield "person77"
    yield "PERSON77"
    yield "person77@example.org"
    yield "nobody at all"
    yield "nobody@example.org"
    yield "kitchen"
    yield "iPhone"
    yield "iPhone of person 77"
    yield "person77 iphone"
    yield "one two three"
    yield "203.0.113.7"
    yield "10.0.30.239"
    yield "10.3."
    yield "10."
    yield "2001:db8:"
    yield "2001:db8::ffff"
    session = DeviceSession.objects.order_by("created_at").first()
    assert session is not None
    yield str(session.pk)
    yield "00000000-0000-4000-8000-000000000000"


def _busy_user() -> object:
    session = DeviceSession.objects.order_by("created_at").last()
    assert session is not None
    return session.user_id


def _measure(client: Client, name: str, address: str, *, twice: bool) -> PageMeasurement:
    cache.clear()
    with CaptureQueriesContext(connection) as captured:
        first, response = _timed(client, address)
    # Django forgets the queries at the next request.
    statements = [query["sql"] for query in captured.captured_queries]
    second, _ = _timed(client, address) if twice else (0.0, None)
    nodes = [node for statement in statements for node in nodes_of(statement)]
    return PageMeasurement(
        name=name,
        status=response.status_code,
        queries=len(statements),
        first=first,
        second=second,
        worst=worst_of(nodes),
    )


def _timed(client: Client, address: str) -> tuple[float, Any]:
    start = time.perf_counter()
    response = client.get(address)
    return (time.perf_counter() - start) * 1000, response
