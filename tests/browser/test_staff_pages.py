"""Every page of ours in the admin, in daylight and at night: fit for all, and harmless."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import revoke_session
from tests.browser.accessibility import faults_of_ours, moves_sideways
from tests.browser.staff import StaffPages
from tests.factories import make_pair

PLAIN = "plain:refresh_sessions_devicesession"


@pytest.fixture
def session(live_server) -> DeviceSession:
    return make_pair(name="Ada's phone").session


@pytest.fixture
def nameless(live_server) -> DeviceSession:
    """Called by its id, which is longer than any name that a device would give itself."""
    return make_pair().session


@pytest.fixture
def ended(live_server) -> DeviceSession:
    session = make_pair(name="Ada's tablet").session
    revoke_session(session, reason="lost on the train")
    return session


def plain(page: str, *args) -> str:
    return reverse(f"{PLAIN}_{page}", args=args)


def test_the_list(staff, session, nameless, ended):
    staff.open_list()

    expect(staff.rows).to_have_count(3)
    assert faults_of_ours(staff.page, plain=plain("changelist")) == {}


@pytest.mark.parametrize("show", [StaffPages.open_list, StaffPages.open_events])
def test_a_long_name_leaves_room_for_the_other_columns(staff, session, show):
    make_pair(name="W" * 128)
    make_pair(name="Device of Ada " * 8)
    show(staff)

    expect(staff.rows).to_have_count(3)
    cell = staff.page.locator("#result_list .refresh-sessions-device").first
    width = cell.locator("xpath=..").bounding_box()["width"]
    assert 100 < width < 220


def test_the_list_searched_and_filtered(staff, session, nameless, ended):
    staff.open_list(q="ada", status="revoked")

    expect(staff.rows).to_have_count(1)
    assert faults_of_ours(staff.page, plain=plain("changelist")) == {}


@pytest.mark.parametrize("which", ["session", "nameless", "ended"])
def test_a_session(staff, request, which):
    session = request.getfixturevalue(which)
    staff.open(session)

    expect(staff.page.locator("h1")).to_be_visible()
    assert faults_of_ours(staff.page, plain=plain("change", session.pk)) == {}


@pytest.mark.parametrize("which", ["session", "nameless"])
def test_the_question_about_one(staff, request, which):
    session = request.getfixturevalue(which)
    staff.open(session, page="revoke")

    expect(staff.yes).to_be_visible()
    assert faults_of_ours(staff.page, plain=plain("delete", session.pk)) == {}


def test_the_question_on_a_phone(staff, session, nameless):
    staff.page.set_viewport_size({"width": 320, "height": 640})
    staff.open(session, page="revoke")

    frame = staff.page.get_by_role("region", name="1 session")
    # The table moves in its frame, also by keyboard, and the page stays.
    assert frame.evaluate("(frame) => frame.scrollWidth > frame.clientWidth")
    frame.focus()
    staff.page.keyboard.press("ArrowRight")
    expect(frame).to_be_focused()
    assert not moves_sideways(staff.page)
    assert faults_of_ours(staff.page, plain=plain("delete", session.pk)) == {}


@pytest.mark.parametrize("action", ["revoke_selected", "sign_out_everywhere"])
def test_the_question_about_many(staff, session, nameless, ended, action):
    staff.open_list()
    for each in (session, nameless, ended):
        staff.checkbox(each).check()
    staff.action.select_option(value=action)
    staff.run.click()

    expect(staff.yes).to_be_visible()
    assert faults_of_ours(staff.page, plain=plain("changelist")) == {}


def test_after_a_session_was_ended(staff, session):
    staff.open(session, page="revoke")
    staff.yes.click()

    expect(staff.message).to_be_visible()
    assert faults_of_ours(staff.page, plain=plain("change", session.pk)) == {}
