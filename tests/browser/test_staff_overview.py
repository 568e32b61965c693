"""The overview above the list of sessions, and the story on a session's page."""

import re

import pytest
from playwright.sync_api import expect

from refresh_sessions.sessions import revoke_session
from tests.browser.accessibility import faults_of_ours
from tests.browser.keyboard import Keyboard
from tests.factories import make_pair

PLAIN_LIST = "/plain/admin/refresh_sessions/devicesession/"
TOLD = re.compile(r"^Sign-ins by day 3 from \w+ \d+ to \w+ \d+, at most 3 on \w+ \d+\.$")


@pytest.fixture(autouse=True)
def ended(live_server, clock):
    """One session that has ended, beside two that live, all of the same day."""
    make_pair(name="Ada's phone")
    make_pair(name="Ada's laptop")
    session = make_pair(name="Ada's tablet").session
    revoke_session(session, reason="admin")
    return session


@pytest.mark.parametrize(("title", "number", "rows"), [("Live", 2, 2), ("Revocations", 1, 1)])
def test_a_number_leads_to_what_it_counts(staff, title, number, rows):
    staff.open_list()
    expect(staff.card(title)).to_contain_text(str(number))

    staff.card(title).click()

    expect(staff.rows).to_have_count(rows)


def test_the_numbers_by_keyboard(staff):
    keyboard = Keyboard(staff.page)
    staff.open_list()
    table = staff.page.locator(".refresh-sessions-figures table")
    expect(table).to_be_hidden()
    keyboard.skip_to_content()

    keyboard.go_to(staff.figures)
    keyboard.press("Enter")

    expect(table).to_be_visible()
    expect(table.locator("tbody tr").first.get_by_role("cell")).to_have_text(["3", "1", "0"])
    keyboard.follow(staff.card("Revocations"), by="Shift+Tab")
    expect(staff.rows).to_have_count(1)


def test_the_numbers_are_fit_for_all(staff):
    staff.open_list()
    staff.figures.click()

    expect(staff.page.locator(".refresh-sessions-figures table")).to_be_visible()
    assert faults_of_ours(staff.page, plain=PLAIN_LIST) == {}


def test_charts_are_told_to_those_who_do_not_see_them(staff):
    staff.open_list()

    chart = staff.page.get_by_role("img", name="Sign-ins by day")
    expect(chart).to_have_accessible_name(TOLD)
    today = chart.locator("rect.refresh-sessions-bar").last.bounding_box()
    assert today is not None
    assert today["height"] > 10


def test_the_story_of_a_session(staff, ended):
    staff.open(ended)

    expect(staff.story).to_have_count(2)
    expect(staff.story.first).to_contain_text("Revoked")
    expect(staff.story.last).to_contain_text("Signed in")
