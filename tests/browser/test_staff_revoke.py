"""Staff find a user and end a session, and the device learns of it with its next call."""

import re

import pytest
from playwright.sync_api import expect

from refresh_sessions.models import RevokedReason
from tests.browser.devices import assert_signed_out
from tests.browser.keyboard import Keyboard
from tests.browser.staff import StaffPages
from tests.factories import PASSWORD

DONE = "1 session was revoked."


pytestmark = pytest.mark.usefixtures("bystanders")


def test_from_the_login_to_the_end_of_a_session(page, superuser, phone):
    pages = StaffPages(page)
    pages.log_in(superuser)
    pages.all_sessions.click()
    expect(pages.rows).to_have_count(3)
    pages.search.fill("ada@")
    pages.search.press("Enter")
    expect(pages.rows).to_have_count(2)
    pages.device("Ada's phone").click()
    pages.revoke.click()
    expect(page.get_by_text("Are you sure you want to revoke this session?")).to_be_visible()
    assert phone.call().status == 200

    pages.yes.click()

    expect(pages.message).to_have_text(DONE)
    expect(pages.revoke).to_have_count(0)
    assert_signed_out(phone, RevokedReason.ADMIN, by=superuser)


def test_by_the_action_of_the_list(staff, superuser, phone):
    staff.open_list()
    staff.checkbox(phone.session).check()
    staff.action.select_option(label="Revoke selected sessions")
    staff.run.click()
    assert phone.call().status == 200

    staff.yes.click()

    expect(staff.message).to_have_text(DONE)
    expect(staff.row(phone.session)).to_contain_text("Revoked")
    assert_signed_out(phone, RevokedReason.ADMIN, by=superuser)


def test_staff_who_change_their_mind_are_back_where_they_were(staff, phone):
    staff.open(phone.session)
    before = staff.page.url
    staff.revoke.click()

    staff.no.click()

    expect(staff.page).to_have_url(before)
    assert phone.call().status == 200
    assert phone.try_refresh().status == 200


def test_by_keyboard_alone(page, superuser, phone):
    keyboard, pages = Keyboard(page), StaffPages(page)
    page.goto("/admin/")
    # The login form has the focus in its first field.
    expect(pages.username).to_be_focused()
    keyboard.type(superuser.get_username())
    keyboard.press("Tab")
    keyboard.type(PASSWORD)
    with page.expect_navigation():
        keyboard.press("Enter")
    keyboard.skip_to_content()
    keyboard.follow(pages.all_sessions)
    keyboard.skip_to_content()
    keyboard.go_to(pages.search)
    keyboard.type("ada@")
    with page.expect_navigation():
        keyboard.press("Enter")
    keyboard.skip_to_content()
    keyboard.follow(pages.device("Ada's phone"))
    keyboard.skip_to_content()
    keyboard.follow(pages.revoke)
    keyboard.skip_to_content()

    keyboard.follow(pages.yes, key="Space")

    expect(pages.message).to_have_text(DONE)
    assert_signed_out(phone, RevokedReason.ADMIN, by=superuser)


def test_the_action_by_keyboard_alone(staff, superuser, phone):
    keyboard = Keyboard(staff.page)
    staff.open_list()
    keyboard.skip_to_content()
    # The action stands before the rows.
    keyboard.go_to(staff.action)
    keyboard.type("Revoke")
    keyboard.go_to(staff.checkbox(phone.session))
    keyboard.press("Space")
    keyboard.follow(staff.run, by="Shift+Tab")
    keyboard.skip_to_content()

    keyboard.follow(staff.yes)

    expect(staff.message).to_have_text(DONE)
    assert_signed_out(phone, RevokedReason.ADMIN, by=superuser)


def test_the_way_back_by_keyboard(staff, phone):
    keyboard = Keyboard(staff.page)
    staff.open(phone.session, page="revoke")
    keyboard.skip_to_content()

    keyboard.follow(staff.no)

    expect(staff.revoke).to_be_visible()
    assert phone.call().status == 200


class TestWhoMayOnlyLook:
    @pytest.fixture
    def pages(self, page, log_in, viewer):
        log_in(viewer)
        return StaffPages(page)

    def test_has_no_action(self, pages):
        pages.open_list()

        expect(pages.rows).to_have_count(3)
        expect(pages.action).to_have_count(0)
        expect(pages.page.get_by_role("checkbox")).to_have_count(0)

    def test_has_no_button(self, pages, phone):
        pages.open(phone.session)

        expect(pages.page.get_by_role("heading", name="View device session")).to_be_visible()
        expect(pages.revoke).to_have_count(0)

    def test_is_refused_the_question(self, pages, phone, watch):
        pages.open(phone.session, page="revoke")

        expect(pages.page).to_have_title(re.compile("403"))
        expect(pages.yes).to_have_count(0)
        watch.expect_status(403)
        assert phone.call().status == 200
