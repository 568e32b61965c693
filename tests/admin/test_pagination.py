import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from refresh_sessions.admin import DeviceSessionAdmin, pagination
from refresh_sessions.admin.pagination import BoundedPaginator
from refresh_sessions.models import DeviceSession, SessionEvent


@pytest.fixture
def many(db, make_session, monkeypatch):
    monkeypatch.setattr(DeviceSessionAdmin, "list_per_page", 2)
    monkeypatch.setattr(DeviceSessionAdmin, "list_max_show_all", 3)

    def make(number, *, bound):
        monkeypatch.setattr(pagination, "BOUND", bound)
        return [make_session() for _ in range(number)]

    return make


def test_session_list_within_bound_has_exact_count(pages, many):
    many(4, bound=4)
    response = pages.list()
    assert response.context["cl"].result_count == 4
    assert "pages end there" not in response.text


def test_session_list_above_bound_shows_hint(pages, many):
    sessions = many(5, bound=4)
    response = pages.list()
    assert response.context["cl"].result_count == 4
    assert "Only the first 4 entries are listed." in response.text
    assert pages.listed(p=2) == {session.pk for session in sessions[1:3]}


@pytest.mark.parametrize("page", [3, 9999])
def test_session_list_page_above_bound_redirects(pages, many, page):
    many(5, bound=4)
    assert pages.list(p=page).status_code == 302


def test_paginator_above_bound_counts_up_to_bound(many):
    many(3, bound=2)
    with CaptureQueriesContext(connection) as queries:
        paginator = BoundedPaginator(DeviceSession.objects.order_by("-created_at"), 2)
        assert (paginator.count, paginator.has_more) == (2, True)
    (query,) = queries.captured_queries
    assert "LIMIT 3" in query["sql"]


def test_session_list_single_page_is_read_without_count(pages, many):
    sessions = many(2, bound=4)
    with CaptureQueriesContext(connection) as queries:
        response = pages.list(status="live")
    assert response.context["cl"].result_count == 2
    assert [row.pk for row in response.context["cl"].result_list] == [
        session.pk for session in reversed(sessions)
    ]
    # The first such query; the overview reads live sessions later.
    rows = next(query["sql"] for query in queries if "idle_expires_at" in query["sql"])
    assert "LIMIT 3" in rows
    assert "COUNT(" not in rows


def test_session_list_empty_filter_result_is_queried_once(pages, many, monkeypatch):
    many(3, bound=4)
    monkeypatch.setattr(DeviceSessionAdmin, "overview_days", 0)
    with CaptureQueriesContext(connection) as queries:
        response = pages.list(status="idle")
    assert response.context["cl"].result_count == 0
    assert len([query for query in queries if "idle_expires_at" in query["sql"]]) == 1


@pytest.mark.parametrize("number", [2, 3])
def test_session_list_show_all_lists_all_sessions(pages, many, number):
    sessions = many(number, bound=4)
    assert pages.listed(all="") == {session.pk for session in sessions}


def test_session_list_second_page_does_not_read_first(pages, many):
    sessions = many(3, bound=4)
    with CaptureQueriesContext(connection) as queries:
        assert pages.listed(p=2) == {sessions[0].pk}
    selected = [query["sql"] for query in queries if '"user_agent"' in query["sql"]]
    assert len([sql for sql in selected if "LIMIT" in sql]) <= 1


def test_autocomplete_above_page_size_returns_sessions(many, superuser, client):
    """Django requests choices for a foreign key to sessions in pages of twenty."""
    sessions = many(3, bound=4)
    client.force_login(superuser)
    field = SessionEvent._meta.get_field("session")
    names = (field.model._meta.app_label, field.model._meta.model_name, field.name)
    query = dict(zip(("app_label", "model_name", "field_name"), names, strict=True))
    answer = client.get(reverse("admin:autocomplete"), query).json()
    assert {row["id"] for row in answer["results"]} == {str(session.pk) for session in sessions}
