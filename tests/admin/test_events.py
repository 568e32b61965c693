"""The list of security events: what it shows, narrows, finds, and costs."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from refresh_sessions.admin import paginating, searching
from refresh_sessions.models import EventKind, SessionEvent
from tests.factories import UserFactory, make_pair

# The admin's session and its user, their own and their groups' permissions, the count, the events
# with session, user and actor.
QUERIES = 6


def sign_in_of(session):
    return session.events.get(kind="signed_in")


class TestRows:
    def test_say_when_what_whose_whence_and_by_whom(self, events, make_session, make_event):
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
        assert "5\xa0minutes ago" in page
        for text in (str(session.user), "Kitchen tablet", "192.0.2.7", str(actor)):
            assert text in page
        assert "reason: Ended by staff" in page

    @pytest.mark.parametrize(
        ("kind", "tone"),
        [
            ("signed_in", "good"),
            ("signed_out", "quiet"),
            ("revoked", "ended"),
            ("reuse_detected", "alarm"),
            ("a kind of tomorrow", "quiet"),
        ],
    )
    def test_show_the_kind_in_a_colour(self, events, make_event, kind, tone):
        event = make_event(kind=kind)
        label = event.get_kind_display()
        assert f'refresh-sessions-kind-{tone}">{label}<' in events.list(kind=kind).text

    def test_come_newest_first(self, events, make_event):
        now = timezone.now()
        made = [make_event(created_at=now + timedelta(hours=hours)) for hours in (2, 1, 3)]
        listed = events.listed(kind="reauthenticated")
        assert listed == [made[2].pk, made[0].pk, made[1].pk]

    def test_escape_what_strangers_wrote(self, events, make_session, make_event):
        session = make_session(name="<script>name</script>")
        make_event(session, details={"user_agent": "<script>agent</script>", "<b>": "x"})
        page = events.list().text
        assert "&lt;script&gt;name" in page
        assert "&lt;script&gt;agent" in page
        assert "<script>name" not in page
        assert "<script>agent" not in page
        assert "<b>" not in page

    def test_lead_to_the_session_if_one_may_see_it(self, events_of, superuser, make_session):
        session = make_session()
        page = events_of(superuser).list().text
        assert reverse("admin:refresh_sessions_devicesession_change", args=[session.pk]) in page

    def test_lead_to_no_page_that_would_be_refused(self, events, make_session):
        session = make_session()
        page = events.list().text
        assert str(session.device) in page or str(session.pk) in page
        assert "/devicesession/" not in page

    def test_lead_to_all_events_of_their_user(self, events, user, make_session):
        make_session(user)
        make_session()
        assert f"?user={user.pk}" in events.list().text

    def test_hold_no_digest(self, events, make_session):
        make_session()
        with CaptureQueriesContext(connection) as queries:
            events.list()
        assert not any("auth_hash" in query["sql"] for query in queries)

    @pytest.mark.parametrize("number", [5, 100])
    def test_cost_as_many_queries_however_many_they_are(self, events, make_event, number):
        for _ in range(number - 1):
            pair = make_pair(UserFactory.create())
            SessionEvent.objects.update(actor=pair.session.user)
        make_event(make_pair(UserFactory.create()).session, actor=UserFactory.create())
        events.list()  # content types and site are read once per process
        with CaptureQueriesContext(connection) as queries:
            response = events.list()
        assert len(response.context["cl"].result_list) == min(number + 1, 100)
        assert len(queries) == QUERIES


class TestFilters:
    @pytest.mark.parametrize("kind", [kind for kind in EventKind if kind != "signed_in"])
    def test_by_kind(self, events, make_session, make_event, kind):
        session = make_session()
        made = {each: make_event(session, each).pk for each in EventKind}
        assert events.listed(kind=kind) == [made[kind]]

    def test_by_kind_offer_all_kinds_whatever_the_table_holds(self, events):
        page = events.list().text
        assert all(f"?kind={kind}" in page for kind in EventKind)

    @pytest.mark.parametrize(
        ("period", "hours", "found"),
        [("hour", 0.9, True), ("hour", 1.1, False), ("week", 6 * 24, True)]
        + [("week", 7 * 24 + 1, False), ("month", 29 * 24, True), ("month", 30 * 24 + 1, False)],
    )
    def test_by_period(self, events, make_session, make_event, period, hours, found):
        then = timezone.now() - timedelta(hours=hours)
        event = make_event(created_at=then)
        assert (event.pk in events.listed(period=period)) is found

    def test_by_any_times_in_the_address(self, events, make_event):
        then = timezone.now() - timedelta(days=400)
        event = make_event(created_at=then)
        make_event()
        before = f"{then + timedelta(days=1):%Y-%m-%dT00:00Z}"
        assert events.listed(created_at__lt=before) == [event.pk]

    @pytest.mark.parametrize("form", [str, lambda key: key.hex])
    def test_by_session(self, events, make_session, form):
        session, _ = make_session(), make_session()
        response = events.list(session=form(session.pk))
        assert [event.pk for event in response.context["cl"].result_list] == [
            sign_in_of(session).pk
        ]
        # Which filter is on stands beside the list, to be taken off again.
        assert str(session) in response.text

    def test_by_user(self, events, user, make_session):
        sessions = [make_session(user), make_session(user)]
        make_session()
        expected = [sign_in_of(session).pk for session in reversed(sessions)]
        assert events.listed(user=user.pk) == expected

    @pytest.mark.parametrize("name", ["session", "user"])
    @pytest.mark.parametrize("value", ["nonsense", "", "0", "9" * 40, "'", "None"])
    def test_that_make_no_sense_match_nothing(self, events, make_session, name, value):
        make_session()
        assert events.list(**{name: value}).status_code == 200
        assert events.listed(**{name: value}) == []
        assert events.exported(**{name: value}) == []

    @pytest.mark.parametrize(
        "lookup",
        ["session__auth_hash__startswith", "actor__password__startswith", "session__user__email"],
    )
    def test_reach_into_no_other_table(self, events, make_session, lookup):
        make_session()
        assert events.list(**{lookup: "a"}).status_code == 400
        assert events.export(**{lookup: "a"}).status_code == 400

    def test_are_never_counted(self, events, make_session):
        make_session()
        page = events.list(_facets="True").text
        assert "Signed in (" not in page


class TestSearch:
    @pytest.mark.parametrize("term", ["grace@", "grace", " 192.0.2.7 ", "192.0.2.", "ID", "HEX"])
    def test_finds_by_user_address_and_session(self, events, make_session, make_event, term):
        grace = UserFactory.create(username="grace@example.org")
        session = make_session(grace)
        SessionEvent.objects.all().delete()
        event = make_event(session, ip_address="192.0.2.7")
        make_event(ip_address="192.0.20.7")
        term = {"ID": str(session.pk), "HEX": session.pk.hex}.get(term, term)
        assert events.listed(q=term) == [event.pk]

    def test_finds_an_address_in_whatever_form(self, events, make_event):
        event = make_event(ip_address="2001:db8::1")
        assert events.listed(q="2001:0DB8:0:0:0:0:0:1") == [event.pk]

    def test_finds_by_the_email_address_of_users_who_have_one(self, events, make_session):
        user = UserFactory.create()
        setattr(user, get_user_model().get_email_field_name(), "only@mail.example.org")
        user.save()
        wanted = make_session(user)
        make_session()
        assert events.listed(q="only@mail") == [sign_in_of(wanted).pk]

    @pytest.mark.parametrize("term", ["nobody", "192.0.2", "'", "%", "x" * 300])
    def test_finds_nothing_otherwise(self, events, make_session, term):
        make_session(ip_address="192.0.2.7")
        assert events.listed(q=term) == []

    def test_of_nothing_but_spaces_finds_all(self, events, make_session):
        session = make_session()
        assert events.listed(q="  ") == [sign_in_of(session).pk]

    def test_takes_a_bounded_number_of_users(self, events, make_session, monkeypatch):
        monkeypatch.setattr(searching, "USERS", 2)
        for name in ("grace1", "grace2", "grace3"):
            make_session(UserFactory.create(username=f"{name}@example.org"))
        assert len(events.listed(q="grace")) == 2


class TestPages:
    def test_are_counted_no_further_than_they_are_shown(self, events, make_event, monkeypatch):
        monkeypatch.setattr(paginating, "BOUND", 3)
        session = make_event().session
        for _ in range(3):
            make_event(session)
        with CaptureQueriesContext(connection) as queries:
            response = events.list()
        assert response.context["cl"].result_count == 3
        assert "There are more than 3" in response.text
        (count,) = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
        assert "LIMIT 4" in count

    def test_say_nothing_of_a_bound_that_is_not_reached(self, events, make_event):
        make_event()
        assert "There are more than" not in events.list().text


class TestOneEvent:
    def test_has_a_page_to_read(self, events, make_event):
        event = make_event(kind="reuse_detected", details={"other_ip_address": "192.0.2.99"})
        page = events.open(event).text
        assert "Reuse of a refresh token detected" in page
        assert "address of the other: 192.0.2.99" in page
        assert "<form" not in page.split('id="content-main"')[1] or 'name="_save"' not in page

    def test_leads_to_its_session_if_one_may_see_it(self, events_of, superuser, make_event):
        event = make_event()
        page = events_of(superuser).open(event).text
        assert (
            reverse("admin:refresh_sessions_devicesession_change", args=[event.session_id]) in page
        )
