from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from refresh_sessions.admin import DeviceSessionAdmin, pagination
from refresh_sessions.admin.display import render_device
from refresh_sessions.devices import DeviceKind
from refresh_sessions.models import DeviceSession, RevokedReason
from refresh_sessions.sessions import revoke_session
from tests.factories import UserFactory, make_pair

# The staff user's session and user, their own and their groups' permissions, the sessions with
# their users, the families; for the overview sessions that have not ended, live ones, and events.
QUERIES = 9


def test_session_row_shows_user_device_address_with_times(pages, make_session):
    session = make_session(name="Kitchen tablet", user_agent="Tablet/1.0", ip_address="192.0.2.7")
    page = pages.list().text
    for text in (str(session.user), "Kitchen tablet", session.device, "192.0.2.7", "Live"):
        assert text in page
    columns = ("user", "device", "state", "address", "signed_in", "last_used")
    assert all(f"field-{column}" in page for column in columns)


def test_device_name_equal_to_detected_device_is_shown_once():
    session = DeviceSession(user_agent="Shop/3.1 (Linux; Android 14; Pixel 7)")
    session.name = session.device
    assert str(render_device(session)).count(session.device) == 1
    session.name = "Kitchen phone"
    assert session.device in str(render_device(session))


def test_session_row_revoked_session_shows_reason(pages, make_session):
    make_session(status="revoked", reason=RevokedReason.REUSE)
    # Once in the filter, once in the row.
    assert pages.list().text.count("A used refresh token was presented again") == 2


# The rows of a single page are not counted.
@pytest.mark.parametrize(("number", "counts"), [(5, 0), (100, 0), (101, 1)])
def test_session_list_more_rows_take_no_extra_query(pages, number, counts):
    for turn in range(number):
        session = make_pair(UserFactory.create()).session
        if turn % 2:
            revoke_session(session, reason="logout", by=session.user)
    pages.list()  # Content types and site are read once per process.
    cache.clear()
    with CaptureQueriesContext(connection) as queries:
        response = pages.list()
    assert response.context["cl"].result_count == number
    assert len(response.context["cl"].result_list) == min(number, 100)
    assert len(queries) == QUERIES + counts


def test_session_list_count_reads_no_users(pages):
    user = UserFactory.create()
    for _ in range(101):
        make_pair(user)
    with CaptureQueriesContext(connection) as queries:
        assert pages.list().context["cl"].result_count == 101
    counts = [query["sql"] for query in queries if f"LIMIT {pagination.BOUND + 1}" in query["sql"]]
    # One of the overview, one of the list.
    assert len(counts) == 2
    assert not any("JOIN" in sql or "SHA2" in sql for sql in counts)


def test_session_list_is_ordered_newest_login_first(pages, make_session):
    sessions = [make_session() for _ in range(3)]
    listed = [session.pk for session in pages.list().context["cl"].result_list]
    assert listed == [session.pk for session in reversed(sessions)]


@pytest.mark.parametrize("status", ["live", "expired", "idle", "revoked"])
def test_status_filter_keeps_sessions_of_status(pages, make_session, status):
    past = timezone.now() - timedelta(days=1)
    sessions = {
        "live": make_session(),
        "expired": make_session(expires_at=past),
        "idle": make_session(status="expired"),
        "revoked": make_session(status="revoked"),
    }
    assert pages.listed(status=status) == {sessions[status].pk}


def test_status_filter_revoked_session_past_deadline_is_not_expired(pages, make_session):
    past = timezone.now() - timedelta(days=1)
    make_session(status="revoked", expires_at=past)
    assert pages.listed(status="expired") == set()
    assert pages.listed(status="idle") == set()


def test_status_filter_reuse_finds_sessions_revoked_for_reuse(pages, make_session):
    make_session(status="revoked", reason=RevokedReason.REUSE_ELSEWHERE)
    stolen = make_session(status="revoked", reason=RevokedReason.REUSE)
    assert pages.listed(status="reuse") == {stolen.pk}


@pytest.mark.parametrize("kind", DeviceKind.values)
def test_kind_filter_keeps_sessions_of_kind(pages, make_session, kind):
    sessions = {value: make_session(kind=value) for value in DeviceKind.values}
    assert pages.listed(kind=kind) == {sessions[kind].pk}


def test_period_filter_counts_days_in_current_time_zone(pages, make_session, settings):
    settings.TIME_ZONE = "Pacific/Auckland"
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    second = timedelta(seconds=1)
    today = make_session(created_at=midnight)
    yesterday = make_session(created_at=midnight - second)
    old = make_session(created_at=midnight - timedelta(days=6))
    older = make_session(created_at=midnight - timedelta(days=6) - second)
    assert pages.listed(period="today") == {today.pk}
    assert pages.listed(period="week") == {today.pk, yesterday.pk, old.pk}
    assert pages.listed(period="month") == {today.pk, yesterday.pk, old.pk, older.pk}


def test_period_filter_hour_keeps_sessions_of_past_hour(pages, make_session):
    now = timezone.now()
    recent = make_session(created_at=now - timedelta(minutes=59))
    make_session(created_at=now - timedelta(minutes=61))
    assert pages.listed(period="hour") == {recent.pk}


@pytest.mark.parametrize("query", [{"status": "asleep"}, {"period": "some day"}, {"status": ""}])
def test_filter_invalid_value_matches_nothing(pages, events_of, superuser, make_session, query):
    """A typing error in the URL must not select all sessions or export all events."""
    make_session()
    assert pages.listed(**query) == set()
    if "period" in query:
        assert events_of(superuser).exported(**query) == []


def test_reason_filter_keeps_sessions_of_reason(pages, make_session):
    make_session()
    make_session(status="revoked", reason=RevokedReason.LOGOUT)
    stolen = make_session(status="revoked", reason=RevokedReason.REUSE)
    assert pages.listed(reason="reuse") == {stolen.pk}


def test_reason_filter_offers_known_reasons_only(pages, make_session):
    make_session(status="revoked", reason="moved out")
    page = pages.list().text
    assert all(f"?reason={reason}" in page for reason in RevokedReason.values)
    assert "?reason=moved" not in page


def test_reason_filter_custom_reason_in_url_keeps_sessions(pages, make_session):
    make_session()
    moved = make_session(status="revoked", reason="moved out")
    assert pages.listed(reason="moved out") == {moved.pk}


def test_session_list_with_facets_counts_nothing(pages, make_session):
    """Each count would scan the table in full."""
    make_session()
    response = pages.list(_facets="True")
    assert not response.context["cl"].add_facets
    assert "Show counts" not in response.text


def test_session_list_sortable_columns_have_index(pages, make_session):
    make_session()
    headers = pages.list().context["cl"].model_admin.sortable_by
    indexed = {index.fields[0] for index in DeviceSession._meta.indexes}
    columns = {getattr(DeviceSessionAdmin, name).admin_order_field for name in headers}
    assert columns == {"created_at", "expires_at"} <= indexed


def test_session_page_links_to_all_sessions_of_user(pages, make_session):
    user = UserFactory.create()
    sessions = {make_session(user).pk, make_session(user, status="revoked").pk}
    make_session()
    page = pages.open(DeviceSession.objects.get(pk=sessions.pop()))
    listed = pages.client.get(page.context["user_sessions_url"])
    assert {session.user_id for session in listed.context["cl"].result_list} == {user.pk}
    assert listed.context["cl"].result_count == 2
