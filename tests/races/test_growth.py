"""A refresh updates one row in place: no rows and, on PostgreSQL, no pages are added."""

import os
from datetime import timedelta

import pytest
from django.db import connection

from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import refresh_session
from tests.factories import make_pair

pytestmark = pytest.mark.django_db(transaction=True)

REFRESHES = int(os.environ.get("REFRESH_SESSIONS_GROWTH", "600"))
NO_OVERLAP = timedelta(0)

# While any transaction on the server is open, in any database, PostgreSQL keeps dead rows, and
# their space is not reused.
needs_postgres_alone = pytest.mark.skipif(
    connection.vendor != "postgresql" or "PYTEST_XDIST_WORKER" in os.environ,
    reason="measures a PostgreSQL that does nothing else: run without --numprocesses",
)

# Main pages of tables and indexes only: a vacuum may add visibility maps at any time.
_PAGES = """
    SELECT sum(pg_relation_size(t::regclass, 'main'))
        + sum((
            SELECT sum(pg_relation_size(indexrelid, 'main'))
            FROM pg_index WHERE indrelid = t::regclass
        ))
    FROM unnest(%s::text[]) t
"""


def refresh_often(pair, options, times):
    options(ROTATION_OVERLAP=NO_OVERLAP)
    for _ in range(times):
        pair = refresh_session(pair.refresh)
    return pair


def rows():
    return [model.objects.count() for model in (DeviceSession, TokenFamily, SessionEvent)]


def test_refreshes_add_no_rows(options):
    pair = make_pair()
    before = rows()
    refresh_often(pair, options, REFRESHES)
    assert rows() == before
    assert TokenFamily.objects.get().generation == REFRESHES + 1


@needs_postgres_alone
def test_refreshes_add_no_pages(options):
    def size():
        tables = [model._meta.db_table for model in (DeviceSession, TokenFamily, SessionEvent)]
        with connection.cursor() as cursor:
            cursor.execute(_PAGES, [tables])
            return cursor.fetchone()[0]

    pair = refresh_often(make_pair(), options, 200)
    before = size()
    refresh_often(pair, options, REFRESHES)
    assert size() == before


@needs_postgres_alone
def test_refresh_updates_are_heap_only(options):
    def updates():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = %s",
                [TokenFamily._meta.db_table],
            )
            return cursor.fetchone()

    pair = make_pair()
    all_before, in_place_before = updates()
    refresh_often(pair, options, REFRESHES)
    all_after, in_place_after = updates()
    assert all_after - all_before == REFRESHES
    assert in_place_after - in_place_before >= REFRESHES * 0.95
