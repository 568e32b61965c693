"""List of security events: filters, search, pagination."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from refresh_sessions.admin import SessionEventAdmin, pagination, search
from refresh_sessions.models import EventKind, SessionEvent
from tests.admin.event_pages import LIST
from tests.factories import UserFactory


def sign_in_of(session):
    return session.events.get(kind="signed_in")


class TestFilters:
    @pytest.mark.parametrize("kind", [kind for kind in EventKind if kind != "signed_in"])
    def test_event_list_filtered_by_kind_shows_events_of_kind(
        self, events, make_session, make_event, kind
    ):
        session = make_session()
        made = {each: make_event(session, each).pk for each in EventKind}
        assert events.listed(kind=kind) == [made[kind]]

    def test_kind_filter_empty_table_offers_all_kinds(self, events):
        page = events.list().text
        assert all(f"?kind={kind}" in page for kind in EventKind)

    @pytest.mark.parametrize(
        ("period", "hours", "found"),
        [
            ("hour", 0.9, True),
            ("hour", 1.1, False),
            ("week", 6 * 24, True),
            ("week", 7 * 24 + 1, False),
            ("month", 29 * 24, True),
            ("month", 30 * 24 + 1, False),
        ],
    )
    def test_event_list_filtered_by_period_shows_events_within(
        self, events, make_session, make_event, period, hours, found
    ):
        then = timezone.now() - timedelta(hours=hours)
        event = make_event(created_at=then)
        assert (event.pk in events.listed(period=period)) is found

    def test_event_list_filtered_by_time_in_url_shows_events_before(self, events, make_event):
        then = timezone.now() - timedelta(days=400)
        event = make_event(created_at=then)
        make_event()
        before = f"{then + timedelta(days=1):%Y-%m-%dT00:00Z}"
        assert events.listed(created_at__lt=before) == [event.pk]

    @pytest.mark.parametrize("form", [str, lambda key: key.hex])
    def test_event_list_filtered_by_session_shows_its_events(self, events, make_session, form):
        session, _ = make_session(), make_session()
        response = events.list(session=form(session.pk))
        assert [event.pk for event in response.context["cl"].result_list] == [
            sign_in_of(session).pk
        ]
        # The sidebar shows the active filter with a link that removes it.
        assert str(session) in response.text

    def test_session_page_links_to_its_events(self, events_of, superuser, make_session):
        session, _ = make_session(), make_session()
        address = reverse(LIST, query={"session": session.pk})
        page = reverse("admin:refresh_sessions_devicesession_change", args=[session.pk])
        browser = events_of(superuser).client
        assert f'href="{address}"' in browser.get(page).text
        assert len(browser.get(address).context["cl"].result_list) == 1

    def test_event_list_filtered_by_user_shows_events_of_user(self, events, user, make_session):
        sessions = [make_session(user), make_session(user)]
        make_session()
        expected = [sign_in_of(session).pk for session in reversed(sessions)]
        assert events.listed(user=user.pk) == expected

    def test_event_list_filter_names_user_or_session(self, events, user, make_session):
        session = make_session(user, name="Kitchen")
        assert f"{user}</a>" in self.choices(events, user=user.pk)
        assert "Kitchen</a>" in self.choices(events, session=session.pk)

    def test_event_list_filter_user_without_events_hides_name(self, events, make_session):
        stranger = UserFactory()
        silent = make_session(stranger, name="Bedroom")
        silent.events.all().delete()
        assert str(stranger) not in events.list(user=stranger.pk).text
        assert "Bedroom" not in events.list(session=silent.pk).text
        assert str(stranger) not in events.list(session=silent.pk).text

    def test_event_list_filter_user_outside_queryset_hides_name(
        self, events, make_session, monkeypatch
    ):
        everything = SessionEventAdmin.get_queryset
        monkeypatch.setattr(
            SessionEventAdmin,
            "get_queryset",
            lambda self, request: everything(self, request).filter(session__name="Ours"),
        )
        theirs = make_session(UserFactory(), name="Theirs")
        assert str(theirs.user) not in events.list(user=theirs.user.pk).text
        assert "Theirs" not in events.list(session=theirs.pk).text

    @staticmethod
    def choices(events, **query):
        return events.list(**query).text

    @pytest.mark.parametrize("name", ["session", "user"])
    @pytest.mark.parametrize("value", ["nonsense", "", "0", "9" * 40, "'", "None"])
    def test_event_list_filter_invalid_value_matches_nothing(
        self, events, make_session, name, value
    ):
        make_session()
        assert events.list(**{name: value}).status_code == 200
        assert events.listed(**{name: value}) == []
        assert events.exported(**{name: value}) == []

    @pytest.mark.parametrize(
        "lookup",
        ["session__auth_hash__startswith", "actor__password__startswith", "session__user__email"],
    )
    def test_event_list_lookup_in_other_table_is_refused(self, events, make_session, lookup):
        make_session()
        assert events.list(**{lookup: "a"}).status_code == 400
        assert events.export(**{lookup: "a"}).status_code == 400

    def test_event_list_with_facets_counts_nothing(self, events, make_session):
        make_session()
        page = events.list(_facets="True").text
        assert "Signed in (" not in page


class TestSearch:
    @pytest.mark.parametrize("term", ["grace@", "grace", " 192.0.2.7 ", "192.0.2.", "ID", "HEX"])
    def test_event_search_by_user_address_or_session_finds_event(
        self, events, make_session, make_event, term
    ):
        grace = UserFactory.create(username="grace@example.org")
        session = make_session(grace)
        SessionEvent.objects.all().delete()
        event = make_event(session, ip_address="192.0.2.7")
        make_event(ip_address="192.0.20.7")
        term = {"ID": str(session.pk), "HEX": session.pk.hex}.get(term, term)
        assert events.listed(q=term) == [event.pk]

    def test_event_search_ipv6_address_in_long_form_finds_event(self, events, make_event):
        event = make_event(ip_address="2001:db8::1")
        assert events.listed(q="2001:0DB8:0:0:0:0:0:1") == [event.pk]

    def test_event_search_email_address_finds_events_of_user(self, events, make_session):
        user = UserFactory.create()
        setattr(user, get_user_model().get_email_field_name(), "only@mail.example.org")
        user.save()
        wanted = make_session(user)
        make_session()
        assert events.listed(q="only@mail") == [sign_in_of(wanted).pk]

    @pytest.mark.parametrize("term", ["nobody", "192.0.2", "'", "%", "x" * 300])
    def test_event_search_other_text_finds_nothing(self, events, make_session, term):
        make_session(ip_address="192.0.2.7")
        assert events.listed(q=term) == []

    def test_event_search_only_spaces_finds_all(self, events, make_session):
        session = make_session()
        assert events.listed(q="  ") == [sign_in_of(session).pk]

    def test_event_search_many_matching_users_takes_limited_number(
        self, events, make_session, monkeypatch
    ):
        monkeypatch.setattr(search, "USERS", 2)
        for name in ("grace1", "grace2", "grace3"):
            make_session(UserFactory.create(username=f"{name}@example.org"))
        assert len(events.listed(q="grace")) == 2


class TestPages:
    def test_event_list_above_bound_counts_up_to_bound(self, events, make_event, monkeypatch):
        monkeypatch.setattr(pagination, "BOUND", 3)
        monkeypatch.setattr(SessionEventAdmin, "list_per_page", 2)
        session = make_event().session
        for _ in range(3):
            make_event(session)
        with CaptureQueriesContext(connection) as queries:
            response = events.list()
        assert response.context["cl"].result_count == 3
        assert "Only the first 3 entries" in response.text
        (count,) = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
        assert "LIMIT 4" in count

    def test_event_list_below_bound_shows_no_hint(self, events, make_event):
        make_event()
        assert "Only the first" not in events.list().text
