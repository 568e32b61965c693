import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refresh_sessions.admin import DeviceSessionAdmin, paginating
from refresh_sessions.admin.paginating import BoundedPaginator
from refresh_sessions.models import DeviceSession


@pytest.fixture
def many(db, make_session, monkeypatch):
    monkeypatch.setattr(DeviceSessionAdmin, "list_per_page", 2)
    monkeypatch.setattr(DeviceSessionAdmin, "list_max_show_all", 3)

    def make(number, *, bound):
        monkeypatch.setattr(paginating, "BOUND", bound)
        return [make_session() for _ in range(number)]

    return make


def test_a_list_within_bounds_is_counted_exactly(pages, many):
    many(4, bound=4)
    response = pages.list()
    assert response.context["cl"].result_count == 4
    assert "pages end there" not in response.text


def test_beyond_the_bound_the_list_says_so(pages, many):
    sessions = many(5, bound=4)
    response = pages.list()
    assert response.context["cl"].result_count == 4
    assert "There are more than 4, and the pages end there." in response.text
    assert pages.listed(p=2) == {session.pk for session in sessions[1:3]}


@pytest.mark.parametrize("page", [3, 9999])
def test_there_is_no_page_beyond_the_bound(pages, many, page):
    many(5, bound=4)
    assert pages.list(p=page).status_code == 302


def test_no_more_rows_are_counted_than_needed(many):
    many(3, bound=2)
    with CaptureQueriesContext(connection) as queries:
        paginator = BoundedPaginator(DeviceSession.objects.order_by("-created_at"), 2)
        assert (paginator.count, paginator.has_more) == (2, True)
    (query,) = queries.captured_queries
    assert "LIMIT 3" in query["sql"]
