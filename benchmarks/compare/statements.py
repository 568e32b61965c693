"""The SQL statements of each operation."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.compare.lanes import OPERATIONS, Lane

_TRANSACTION_WORDS: Final = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET ")


def count_statements(lane: Lane) -> dict[str, Any]:
    """For each operation: statements, statements of transaction control, and their text."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counted: dict[str, Any] = {}
    for operation in OPERATIONS:
        calls = lane.calls(operation, 1)
        if calls is None:
            continue
        if operation == "request":
            lane.take(operation, [lane.send(calls[0])])
        with CaptureQueriesContext(connection) as captured:
            answer = lane.send(calls[0])
            texts = [str(query["sql"]) for query in captured.captured_queries]
        lane.take(operation, [answer])
        control = [text for text in texts if text.upper().startswith(_TRANSACTION_WORDS)]
        counted[operation] = {
            "statements": len(texts) - len(control),
            "transaction": len(control),
            "verbs": [text.split(None, 1)[0] for text in texts if text not in control],
        }
    return counted
