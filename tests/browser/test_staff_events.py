"""The record of events: from a session's page to its events, and on to a file."""

import csv
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import expect

from refresh_sessions.sessions import revoke_session
from tests.browser.accessibility import faults_of_ours
from tests.browser.keyboard import Keyboard
from tests.browser.staff import StaffPages
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


def test_the_events_of_a_session_as_a_file(staff, ended):
    staff.open(ended)
    staff.events_of_session.click()
    expect(staff.rows).to_have_count(2)

    with staff.page.expect_download() as coming:
        staff.download.click()

    rows = read(coming.value.path())
    assert len(rows) == 2
    assert all(str(ended.pk) in row.values() for row in rows)
    assert coming.value.suggested_filename.endswith(".csv")


def test_by_keyboard_alone(staff, ended):
    keyboard = Keyboard(staff.page)
    staff.open(ended)
    keyboard.skip_to_content()
    keyboard.follow(staff.events_of_session)
    keyboard.skip_to_content()
    keyboard.go_to(staff.download)

    with staff.page.expect_download() as coming:
        keyboard.press("Enter")

    assert len(read(coming.value.path())) == 2


@pytest.mark.parametrize("query", [{}, {"kind": "revoked"}, {"q": "nobody"}])
def test_the_list_is_fit_for_all(staff, query):
    staff.open_events(**query)

    expect(staff.download).to_be_visible()
    assert faults_of_ours(staff.page, plain=PLAIN_LIST) == {}


def test_one_event_is_fit_for_all(staff, ended):
    event = ended.events.latest("created_at")
    address = f"/admin/refresh_sessions/sessionevent/{event.pk}/change/"
    staff.page.goto(address)

    expect(staff.page.get_by_role("heading", name="View session event")).to_be_visible()
    assert faults_of_ours(staff.page, plain=f"/plain{address}") == {}


class TestWhoMayNotSeeEvents:
    @pytest.fixture
    def pages(self, page, log_in, viewer):
        viewer.user_permissions.set(Permission.objects.filter(codename="view_devicesession"))
        log_in(viewer)
        return StaffPages(page)

    def test_is_shown_no_way_there(self, pages, ended):
        pages.open(ended)

        expect(pages.story).to_have_count(2)
        expect(pages.events_of_session).to_have_count(0)

    def test_is_refused(self, pages, watch):
        pages.open_events()

        expect(pages.download).to_have_count(0)
        watch.expect_status(403)
