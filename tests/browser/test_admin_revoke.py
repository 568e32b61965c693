"""Staff find a user and revoke a session; the device's next call is refused."""

import re

import pytest
from playwright.sync_api import expect

from refresh_sessions.models import RevokedReason
from tests.browser.admin_pages import AdminPages
from tests.browser.devices import assert_revoked
from tests.browser.keyboard import Keyboard
from tests.factories import PASSWORD

DONE = "1 session was revoked."


pytestmark = pytest.mark.usefixtures("other_devices")


def test_session_found_by_search_is_revoked(page, superuser, phone):
    pages = AdminPages(page)
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
    assert_revoked(phone, RevokedReason.ADMIN, by=superuser)


def test_session_selected_in_list_is_revoked(admin_pages, superuser, phone):
    admin_pages.open_list()
    admin_pages.checkbox(phone.session).check()
    admin_pages.action.select_option(label="Revoke selected sessions")
    admin_pages.run.click()
    assert phone.call().status == 200

    admin_pages.yes.click()

    expect(admin_pages.message).to_have_text(DONE)
    expect(admin_pages.row(phone.session)).to_contain_text("Revoked")
    assert_revoked(phone, RevokedReason.ADMIN, by=superuser)


def test_revocation_cancelled_returns_to_session_page(admin_pages, phone):
    admin_pages.open(phone.session)
    before = admin_pages.page.url
    admin_pages.revoke.click()

    admin_pages.no.click()

    expect(admin_pages.page).to_have_url(before)
    assert phone.call().status == 200
    assert phone.try_refresh().status == 200


def test_session_found_with_keyboard_is_revoked(page, superuser, phone):
    keyboard, pages = Keyboard(page), AdminPages(page)
    page.goto("/admin/")
    # The login form focuses its first field.
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
    assert_revoked(phone, RevokedReason.ADMIN, by=superuser)


def test_session_selected_with_keyboard_is_revoked(admin_pages, superuser, phone):
    keyboard = Keyboard(admin_pages.page)
    admin_pages.open_list()
    keyboard.skip_to_content()
    # The action precedes the rows.
    keyboard.go_to(admin_pages.action)
    keyboard.type("Revoke")
    keyboard.go_to(admin_pages.checkbox(phone.session))
    keyboard.press("Space")
    keyboard.follow(admin_pages.run, by="Shift+Tab")
    keyboard.skip_to_content()

    keyboard.follow(admin_pages.yes)

    expect(admin_pages.message).to_have_text(DONE)
    assert_revoked(phone, RevokedReason.ADMIN, by=superuser)


def test_revocation_cancelled_with_keyboard_keeps_session(admin_pages, phone):
    keyboard = Keyboard(admin_pages.page)
    admin_pages.open(phone.session, page="revoke")
    keyboard.skip_to_content()

    keyboard.follow(admin_pages.no)

    expect(admin_pages.revoke).to_be_visible()
    assert phone.call().status == 200


class TestViewer:
    @pytest.fixture
    def pages(self, page, log_in, viewer):
        log_in(viewer)
        return AdminPages(page)

    def test_session_list_of_viewer_has_no_action(self, pages):
        pages.open_list()

        expect(pages.rows).to_have_count(3)
        expect(pages.action).to_have_count(0)
        expect(pages.page.get_by_role("checkbox")).to_have_count(0)

    def test_session_page_of_viewer_has_no_button(self, pages, phone):
        pages.open(phone.session)

        expect(pages.page.get_by_role("heading", name="View device session")).to_be_visible()
        expect(pages.revoke).to_have_count(0)

    def test_confirmation_of_viewer_is_refused(self, pages, phone, error_recorder):
        pages.open(phone.session, page="revoke")

        expect(pages.page).to_have_title(re.compile("403"))
        expect(pages.yes).to_have_count(0)
        error_recorder.expect_status(403)
        assert phone.call().status == 200
