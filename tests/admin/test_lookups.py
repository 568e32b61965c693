"""Hand-written query strings of the lists: permitted lookups and invalid values."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.admin import EmptyFieldListFilter

from refresh_sessions.admin import DeviceSessionAdmin
from refresh_sessions.models import DeviceSession, SessionEvent

HIDDEN = [field.name for field in DeviceSession._meta.fields if not field.editable][1:]


def is_sent_back(response):
    """Whether Django redirects to the unfiltered list with its error flag."""
    return response.status_code == 302 and parse_qs(urlsplit(response.url).query) == {"e": ["1"]}


def test_session_list_lookup_of_hidden_column_is_refused(pages, make_session):
    """Otherwise prefix lookups would reveal a digest, one character at a time."""
    make_session()
    assert "auth_hash" in HIDDEN
    for name in HIDDEN:
        for lookup in ("", "__startswith", "__contains", "__gte"):
            assert pages.list(**{f"{name}{lookup}": "a"}).status_code == 400


def test_list_lookup_of_related_secret_is_refused(pages, events, make_session):
    make_session()
    for name in ("families__secret_digest", "user__password", "revoked_by__password"):
        assert pages.list(**{f"{name}__startswith": "a"}).status_code == 400
    for name in ("session__auth_hash", "session__user__password", "actor__password"):
        assert events.list(**{f"{name}__startswith": "a"}).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        {"kind": "\0"},
        {"reason": "a\0b"},
        {"name": "\0"},
        {"name__regex": "((("},
        {"user_agent__iregex": "*"},
    ],
)
def test_session_list_value_refused_by_database_is_bad_request(pages, make_session, query):
    make_session()
    assert pages.list(**query).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        {"ip_address": "nowhere"},
        {"created_at__year": "99999999999"},
        {"created_at__year": "0"},
        {"created_at__gte": "yesterday"},
        {"id": "7"},
        {"user__exact": "nobody's"},
    ],
)
def test_session_list_invalid_value_redirects_to_list(pages, make_session, query):
    make_session()
    # SQLite and MariaDB accept any text as an address; no session has it.
    response = pages.list(**query)
    assert is_sent_back(response) or response.context["cl"].result_count == 0


@pytest.mark.parametrize("page", ["list", "export"])
def test_event_list_invalid_lookup_is_refused(events, make_event, page):
    make_event()
    show = getattr(events, page)
    for query in ({"kind": "\0"}, {"details__regex": "(("}):
        assert show(**query).status_code == 400
    for query in ({"created_at__year": "0"}, {"actor": "nobody's"}):
        assert is_sent_back(show(**query))


def test_list_lookup_of_visible_column_filters_rows(pages, events, make_session, make_event):
    session = make_session(name="Kitchen tablet")
    event = make_event(session, ip_address="192.0.2.7")
    make_session()
    assert pages.listed(id=str(session.pk)) == {session.pk}
    assert pages.listed(name__startswith="Kit") == {session.pk}
    assert events.listed(ip_address="192.0.2.7") == [event.pk]
    assert events.listed(created_at__lt=event.created_at.isoformat(), session=session.pk) == [
        SessionEvent.objects.get(session=session, kind="signed_in").pk
    ]


def test_session_list_lookup_of_custom_filter_is_accepted(pages, make_session, monkeypatch):
    """Filters of a project bring their own lookups."""
    named, _ = make_session(name="Kitchen tablet"), make_session()
    filters = (("name", EmptyFieldListFilter), "user__is_staff")
    monkeypatch.setattr(DeviceSessionAdmin, "list_filter", filters)
    monkeypatch.setattr(DeviceSessionAdmin, "date_hierarchy", "created_at")
    assert pages.listed(name__isempty="0") == {named.pk}
    assert len(pages.listed(user__is_staff__exact="0")) == 2
    assert len(pages.listed(created_at__year=named.created_at.year)) == 2
