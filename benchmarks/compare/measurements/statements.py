"""The SQL statements of each operation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from benchmarks.compare.calls import Call
from benchmarks.compare.client_groups import OPERATIONS, ClientGroup
from benchmarks.compare.measurements.ageing import let_time_pass

_TRANSACTION_WORDS: Final = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET ")
_MINUTES: Final = timedelta(minutes=2)


def count_statements(group: ClientGroup) -> dict[str, Any]:
    """For each operation: statements, statements of transaction control, and their verbs.

    ``request`` is not the first request of its session. ``request_after_refresh`` is the first one
    a few minutes after a refresh.
    """
    counted: dict[str, Any] = {}
    for operation in OPERATIONS:
        calls = group.calls(operation, 1)
        if calls is None:
            continue
        if operation == "request":
            group.take(operation, [group.send(calls[0])])
        counted[operation] = _count(group, operation, calls[0])
        if operation == "refresh":
            let_time_pass(group.subject, _MINUTES)
            request = group.subject.request(group.tokens[0])
            counted["request_after_refresh"] = _count(group, "request", request)
    return counted


def _count(group: ClientGroup, operation: str, call: Call) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        answer = group.send(call)
        texts = [str(query["sql"]) for query in captured.captured_queries]
    group.take(operation, [answer])
    control = [text for text in texts if text.upper().startswith(_TRANSACTION_WORDS)]
    return {
        "statements": len(texts) - len(control),
        "transaction": len(control),
        "verbs": [text.split(None, 1)[0] for text in texts if text not in control],
    }
