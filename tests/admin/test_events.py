"""List and pages of security events: content and number of queries."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from refresh_sessions.models import SessionEvent
from tests.factories import UserFactory, make_pair

# The staff user's session and user, their own and their groups' permissions, the events with
# session, user and actor; if these exceed one page, their count.
QUERIES = 5


class TestRows:
    def test_event_row_shows_time_kind_user_address_with_actor(
        self, events, make_session, make_event
    ):
        session = make_session(name="Kitchen tablet")
        actor = UserFactory.create()
        at = timezone.now().replace(microsecond=0) - timedelta(minutes=5)
        make_event(
            session,
            "revoked",
            created_at=at,
            actor=actor,
            ip_address="192.0.2.7",
            details={"reason": "admin"},
        )
        page = events.list(kind="revoked").text
        assert f"{at:%Y-%m-%d %H:%M:%S}<" in page
        assert "5 minutes ago" in page
        for text in (str(session.user), "Kitchen tablet", "192.0.2.7", str(actor)):
            assert text in page
        assert "reason: Revoked by staff" in page

    @pytest.mark.parametrize(
        ("kind", "tone"),
        [
            ("signed_in", "good"),
            ("signed_out", "quiet"),
            ("revoked", "ended"),
            ("reuse_detected", "alarm"),
            ("bound_token_misused", "alarm"),
            ("a kind of tomorrow", "quiet"),
        ],
    )
    def test_event_row_shows_kind_in_colour(self, events, make_event, kind, tone):
        event = make_event(kind=kind)
        label = event.get_kind_display()
        assert f'refresh-sessions-kind-{tone}">{label}<' in events.list(kind=kind).text

    def test_event_list_is_ordered_newest_first(self, events, make_event):
        now = timezone.now()
        made = [make_event(created_at=now + timedelta(hours=hours)) for hours in (2, 1, 3)]
        listed = events.listed(kind="reauthenticated")
        assert listed == [made[2].pk, made[0].pk, made[1].pk]

    def test_event_row_text_of_client_is_escaped(self, events, make_session, make_event):
        session = make_session(name="<script>name</script>")
        make_event(session, details={"user_agent": "<script>agent</script>", "<b>": "x"})
        page = events.list().text
        assert "&lt;script&gt;name" in page
        assert "&lt;script&gt;agent" in page
        assert "<script>name" not in page
        assert "<script>agent" not in page
        assert "<b>" not in page

    def test_event_row_permitted_staff_have_link_to_session(
        self, events_of, superuser, make_session
    ):
        session = make_session()
        page = events_of(superuser).list().text
        assert reverse("admin:refresh_sessions_devicesession_change", args=[session.pk]) in page

    def test_event_row_without_session_permission_has_no_link(self, events, make_session):
        session = make_session()
        page = events.list().text
        assert str(session.device) in page or str(session.pk) in page
        assert "/devicesession/" not in page

    def test_event_row_links_to_events_of_user(self, events, user, make_session):
        make_session(user)
        make_session()
        assert f"?user={user.pk}" in events.list().text

    def test_event_list_reads_no_digest(self, events, make_session):
        make_session()
        with CaptureQueriesContext(connection) as queries:
            events.list()
        assert not any("auth_hash" in query["sql"] for query in queries)

    @pytest.mark.parametrize(("number", "counts"), [(5, 0), (99, 0), (100, 1)])
    def test_event_list_more_rows_take_no_extra_query(self, events, make_event, number, counts):
        for _ in range(number - 1):
            pair = make_pair(UserFactory.create())
            SessionEvent.objects.update(actor=pair.session.user)
        make_event(make_pair(UserFactory.create()).session, actor=UserFactory.create())
        events.list()  # Content types and site are read once per process.
        with CaptureQueriesContext(connection) as queries:
            response = events.list()
        assert len(response.context["cl"].result_list) == min(number + 1, 100)
        assert len(queries) == QUERIES + counts


class TestOneEvent:
    def test_event_page_shows_details_read_only(self, events, make_event):
        event = make_event(kind="reuse_detected", details={"other_ip_address": "192.0.2.99"})
        page = events.open(event).text
        assert "Reuse of a refresh token detected" in page
        assert "address of the other client: 192.0.2.99" in page
        assert "<form" not in page.split('id="content-main"')[1] or 'name="_save"' not in page

    def test_event_page_permitted_staff_have_link_to_session(
        self, events_of, superuser, make_event
    ):
        event = make_event()
        page = events_of(superuser).open(event).text
        assert (
            reverse("admin:refresh_sessions_devicesession_change", args=[event.session_id]) in page
        )
