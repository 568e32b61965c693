"""The work of a batch depends on its size, and neither on the table nor on earlier batches.

Reads PostgreSQL's counts of index entries in the present transaction.
"""

from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from statistics import median

import pytest
from django.db import connection
from django.db.models import F

from refresh_sessions.events import prune_events
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import locked_out, prune_sessions
from refresh_sessions.sessions.locked_out import revoke_all_locked_out
from tests.pruning.builders import NOW, cascading, long_expired

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="reads PostgreSQL's statistics"),
    pytest.mark.django_db,
]

BATCH = 50
BATCHES = 40

TABLES = [model._meta.db_table for model in (DeviceSession, TokenFamily, SessionEvent)]

_ENTRIES = """
    SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid))
    FROM pg_index WHERE indrelid = ANY(%s::regclass[])
"""


def count_entries():
    """Count the index entries that the transaction has read, with those of deleted rows."""
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES, [TABLES])
        return int(cursor.fetchone()[0])


def analyze():
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(TABLES)}")


@pytest.fixture
def entries_of_batches():
    """Call a pruning function, and return the entries that each batch has read."""

    def measure(prune):
        analyze()
        with connection.cursor() as cursor:
            # The plans that large tables get.
            for method in ("seqscan", "hashjoin", "mergejoin", "sort"):
                cursor.execute(f"SET LOCAL enable_{method} = off")
        counts = [count_entries()]
        prune(batch_size=BATCH, progress=lambda _: counts.append(count_entries()))
        assert len(counts) > BATCHES
        return [after - before for before, after in pairwise(counts)]

    return measure


def test_later_session_batches_read_no_more_entries(entries_of_batches):
    long_expired(BATCH * BATCHES)
    # The deleted rows stay in the indexes: no vacuum can remove them during the transaction.
    entries = entries_of_batches(prune_sessions)
    assert median(entries[BATCHES // 2 :]) < 1.5 * median(entries[1:10])


def test_later_session_batches_with_receiver_read_no_more_entries(entries_of_batches):
    long_expired(BATCH * BATCHES)
    with cascading(DeviceSession):
        entries = entries_of_batches(prune_sessions)
    assert median(entries[BATCHES // 2 :]) < 1.5 * median(entries[1:10])


@pytest.mark.parametrize("of_active_sessions", [False, True])
def test_later_event_batches_read_no_more_entries(entries_of_batches, of_active_sessions):
    long_expired(BATCH * BATCHES // 2)

    def prune(**options):
        return prune_events(older_than=NOW, of_active_sessions=of_active_sessions, **options)

    entries = entries_of_batches(prune)
    assert median(entries[BATCHES // 2 :]) < 1.5 * median(entries[1:10])


def test_batches_in_large_tables_scan_no_table(monkeypatch):
    """With kept rows in the tables, PostgreSQL finds the rows of a batch by index."""
    sessions = long_expired(BATCH * BATCHES)
    kept = [session.pk for session in sessions[5:]]
    later = F("expires_at") + timedelta(days=1000)
    DeviceSession.objects.filter(pk__in=kept).update(expires_at=later)
    analyze()
    monkeypatch.setattr(locked_out, "_WINDOW", 5)
    with explained() as nodes:
        assert prune_events(older_than=NOW, batch_size=5) == 10
        assert prune_sessions(batch_size=5) == 5
        assert revoke_all_locked_out() == 0
    assert {"ModifyTable", "LockRows"} <= {kind for kind, _ in nodes}
    assert [table for kind, table in nodes if kind == "Seq Scan" and table in TABLES] == []


@contextmanager
def explained():
    """Collect the types and tables of the nodes in the plans of the statements."""
    nodes = []

    def explain(execute, sql, params, many, context):
        if sql.startswith(("SELECT", "WITH", "DELETE")):
            with connection.cursor() as cursor:
                # The driver's cursor, as Django's would call this function again.
                cursor.cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
                nodes.extend(walk(cursor.cursor.fetchone()[0][0]["Plan"]))
        return execute(sql, params, many, context)

    def walk(plan):
        yield plan["Node Type"], plan.get("Relation Name")
        for part in plan.get("Plans", ()):
            yield from walk(part)

    with connection.execute_wrapper(explain):
        yield nodes
