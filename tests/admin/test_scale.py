"""With many rows no admin page scans a large table in full.

A small version of ``benchmarks/admin_scale.py``, which uses a million sessions.
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
    # The bound is as small, relative to the rows, as with a million.
    for module in (pagination, overview_counts, page_measurements):
        monkeypatch.setattr(module, "BOUND", SESSIONS // 100)
    for model_admin in (DeviceSessionAdmin, SessionEventAdmin):
        monkeypatch.setattr(model_admin, "list_per_page", 10)
    fill(sessions=SESSIONS, users=SESSIONS // 5)


@pytest.mark.usefixtures("_many")
def test_admin_pages_many_rows_stay_within_query_limits():
    measured = list(page_measurements.measure_pages(twice=False))
    assert len(measured) > 90
    assert [fault for page in measured for fault in page.faults] == []
    # Control: a plan with a full scan is recognized.
    everything = str(DeviceSession.objects.filter(user_agent__isnull=False).query)
    assert any(node.reads_all for node in nodes_of(everything))
