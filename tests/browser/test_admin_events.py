"""Security events in the admin: list, single event, download."""

import csv
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import expect

from refresh_sessions.sessions import revoke_session
from tests.browser.accessibility import violations_beyond_django
from tests.browser.admin_pages import AdminPages
from tests.browser.keyboard import Keyboard
from tests.factories import make_pair

PLAIN_LIST = "/plain/admin/refresh_sessions/sessionevent/"


@pytest.fixture(autouse=True)
def ended(live_server):
    """A session with two events, beside one with one."""
    make_pair(name="Bob's phone")
    session = make_pair(name="Ada's phone").session
    revoke_session(session, reason="admin")
    return session


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_events_of_session_are_downloaded_as_csv(admin_pages, ended):
    admin_pages.open(ended)
    admin_pages.events_of_session.click()
    expect(admin_pages.rows).to_have_count(2)

    with admin_pages.page.expect_download() as download_info:
        admin_pages.download.click()

    rows = read(download_info.value.path())
    assert len(rows) == 2
    assert all(str(ended.pk) in row.values() for row in rows)
    assert download_info.value.suggested_filename.endswith(".csv")


def test_events_of_session_with_keyboard_are_downloaded(admin_pages, ended):
    keyboard = Keyboard(admin_pages.page)
    admin_pages.open(ended)
    keyboard.skip_to_content()
    keyboard.follow(admin_pages.events_of_session)
    keyboard.skip_to_content()
    keyboard.go_to(admin_pages.download)

    with admin_pages.page.expect_download() as download_info:
        keyboard.press("Enter")

    assert len(read(download_info.value.path())) == 2


@pytest.mark.parametrize("query", [{}, {"kind": "revoked"}, {"q": "nobody"}])
def test_event_list_is_accessible(admin_pages, query):
    admin_pages.open_events(**query)

    expect(admin_pages.download).to_be_visible()
    assert violations_beyond_django(admin_pages.page, plain=PLAIN_LIST) == {}


def test_event_page_is_accessible(admin_pages, ended):
    event = ended.events.latest("created_at")
    address = f"/admin/refresh_sessions/sessionevent/{event.pk}/change/"
    admin_pages.page.goto(address)

    expect(admin_pages.page.get_by_role("heading", name="View session event")).to_be_visible()
    assert violations_beyond_django(admin_pages.page, plain=f"/plain{address}") == {}


class TestWithoutEventPermission:
    @pytest.fixture
    def pages(self, page, log_in, viewer):
        viewer.user_permissions.set(Permission.objects.filter(codename="view_devicesession"))
        log_in(viewer)
        return AdminPages(page)

    def test_session_page_without_event_permission_has_no_link(self, pages, ended):
        pages.open(ended)

        expect(pages.timeline).to_have_count(2)
        expect(pages.events_of_session).to_have_count(0)

    def test_event_list_without_permission_is_refused(self, pages, error_recorder):
        pages.open_events()

        expect(pages.download).to_have_count(0)
        error_recorder.expect_status(403)
