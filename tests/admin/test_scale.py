"""With many rows no page of the session admin reads a large table from end to end.

A small copy of ``benchmarks/admin_scale.py``, which does the same with a million sessions.
"""

import pytest
from django.conf import settings
from django.db import connection

from refresh_sessions.admin import (
    DeviceSessionAdmin,
    SessionEventAdmin,
    overview_counts,
    pagination,
)
from refresh_sessions.models import DeviceSession
from tests.admin import page_measurements
from tests.admin.bulk_data import fill
from tests.admin.query_plans import nodes_of

SESSIONS = 20_000

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="reads PostgreSQL's plans"),
    pytest.mark.skipif(settings.AUTH_USER_MODEL != "auth.User", reason="fills Django's own users"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def _many(monkeypatch):
    # As far below the number of rows as with a million.
    for module in (pagination, overview_counts, page_measurements):
        monkeypatch.setattr(module, "BOUND", SESSIONS // 100)
    for model_admin in (DeviceSessionAdmin, SessionEventAdmin):
        monkeypatch.setattr(model_admin, "list_per_page", 10)
    fill(sessions=SESSIONS, users=SESSIONS // 5)


@pytest.mark.usefixtures("_many")
def test_no_page_reads_a_large_table_as_a_whole_or_asks_too_much():
    visited = list(page_measurements.visit_all(twice=False))
    assert len(visited) > 90
    assert [fault for visit in visited for fault in visit.faults] == []
    # What would be found: the plans are read, and a table read as a whole is seen in one.
    everything = str(DeviceSession.objects.filter(user_agent__isnull=False).query)
    assert any(node.reads_all for node in nodes_of(everything))
