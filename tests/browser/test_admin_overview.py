"""Overview above the session list, and timeline of a session."""

import re

import pytest
from playwright.sync_api import expect

from refresh_sessions.sessions import revoke_session
from tests.browser.accessibility import violations_beyond_django
from tests.browser.keyboard import Keyboard
from tests.factories import make_pair

PLAIN_LIST = "/plain/admin/refresh_sessions/devicesession/"
CHART_NAME = re.compile(r"^Sign-ins by day 3 from \w+ \d+ to \w+ \d+, at most 3 on \w+ \d+\.$")


@pytest.fixture(autouse=True)
def ended(live_server, clock):
    """One revoked session beside two live ones of the same day."""
    make_pair(name="Ada's phone")
    make_pair(name="Ada's laptop")
    session = make_pair(name="Ada's tablet").session
    revoke_session(session, reason="admin")
    return session


@pytest.mark.parametrize(("title", "number", "rows"), [("Live", 2, 2), ("Revocations", 1, 1)])
def test_overview_number_links_to_its_sessions(admin_pages, title, number, rows):
    admin_pages.open_list()
    expect(admin_pages.card(title)).to_contain_text(str(number))

    admin_pages.card(title).click()

    expect(admin_pages.rows).to_have_count(rows)


def test_overview_numbers_with_keyboard_are_reachable(admin_pages):
    keyboard = Keyboard(admin_pages.page)
    admin_pages.open_list()
    table = admin_pages.page.locator(".refresh-sessions-figures table")
    expect(table).to_be_hidden()
    keyboard.skip_to_content()

    keyboard.go_to(admin_pages.figures)
    keyboard.press("Enter")

    expect(table).to_be_visible()
    expect(table.locator("tbody tr").first.get_by_role("cell")).to_have_text(["3", "1", "0", "0"])
    keyboard.follow(admin_pages.card("Revocations"), by="Shift+Tab")
    expect(admin_pages.rows).to_have_count(1)


def test_overview_numbers_are_accessible(admin_pages):
    admin_pages.open_list()
    admin_pages.figures.click()

    expect(admin_pages.page.locator(".refresh-sessions-figures table")).to_be_visible()
    assert violations_beyond_django(admin_pages.page, plain=PLAIN_LIST) == {}


def test_overview_chart_has_accessible_name(admin_pages):
    admin_pages.open_list()

    chart = admin_pages.page.get_by_role("img", name="Sign-ins by day")
    expect(chart).to_have_accessible_name(CHART_NAME)
    today = chart.locator("rect.refresh-sessions-bar").last.bounding_box()
    assert today is not None
    assert today["height"] > 10


def test_session_page_shows_timeline(admin_pages, ended):
    admin_pages.open(ended)

    expect(admin_pages.timeline).to_have_count(2)
    expect(admin_pages.timeline.first).to_contain_text("Revoked")
    expect(admin_pages.timeline.last).to_contain_text("Signed in")
