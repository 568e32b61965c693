"""Users sign devices out on the devices page; the next call of such a device is refused."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from refresh_sessions.models import RevokedReason
from tests.browser.devices import assert_revoked
from tests.browser.devices_page import DevicesPage
from tests.browser.keyboard import Keyboard
from tests.factories import PASSWORD

LONG_AGO = timedelta(minutes=6)
DONE = "Ada's phone has been signed out."


@pytest.mark.usefixtures("other_devices")
class TestAnotherDevice:
    def test_sign_out_device_after_recent_login_revokes_session(self, page, ada, phone):
        pages = DevicesPage(page)
        pages.log_in(ada)
        expect(page).to_have_url(re.compile("/devices/$"))
        expect(pages.names).to_have_count(3)

        pages.log_out("Ada's phone").click()

        expect(pages.message).to_have_text(DONE)
        expect(pages.names).to_have_count(2)
        assert_revoked(phone, RevokedReason.USER, by=ada)

    def test_sign_out_device_after_old_login_asks_for_password(
        self, devices_page, clock, ada, phone
    ):
        clock.move(LONG_AGO)
        devices_page.open_list()
        devices_page.log_out("Ada's phone").click()
        expect(devices_page.password).to_be_visible()
        devices_page.password.fill("a guess")
        devices_page.answer.click()
        expect(devices_page.page).to_have_title("Error: Sign out Ada's phone?")
        assert phone.call().status == 200

        devices_page.password.fill(PASSWORD)
        devices_page.answer.click()

        expect(devices_page.message).to_have_text(DONE)
        assert_revoked(phone, RevokedReason.USER, by=ada)

    def test_sign_out_device_cancelled_keeps_session(self, devices_page, clock, phone):
        clock.move(LONG_AGO)
        devices_page.open_list()
        devices_page.log_out("Ada's phone").click()

        devices_page.cancel.click()

        expect(devices_page.names).to_have_count(3)
        assert phone.call().status == 200
        assert phone.try_refresh().status == 200

    def test_sign_out_device_with_keyboard_revokes_session(self, page, clock, ada, phone):
        keyboard, pages = Keyboard(page), DevicesPage(page)
        pages.open_list()
        expect(pages.username).to_be_focused()
        keyboard.type(ada.get_username())
        keyboard.press("Tab")
        keyboard.type(PASSWORD)
        with page.expect_navigation():
            keyboard.press("Enter")
        clock.move(LONG_AGO)
        keyboard.follow(pages.log_out("Ada's phone"), key="Space")
        expect(pages.password).to_be_focused()
        keyboard.type(PASSWORD)

        keyboard.follow(pages.answer)

        expect(pages.message).to_have_text(DONE)
        assert_revoked(phone, RevokedReason.USER, by=ada)

    def test_cancel_with_keyboard_keeps_session(self, devices_page, clock, phone):
        keyboard = Keyboard(devices_page.page)
        clock.move(LONG_AGO)
        devices_page.open(phone.session, "end")

        keyboard.follow(devices_page.cancel)

        expect(devices_page.names).to_have_count(3)
        assert phone.call().status == 200


class TestAllOthers:
    def test_sign_out_everywhere_else_keeps_current_device(self, devices_page, ada, phone, laptop):
        access = devices_page.log_in_to_api(ada)
        devices_page.open_list()
        expect(devices_page.names).to_have_text(["This browser", "Ada's laptop", "Ada's phone"])

        devices_page.sign_out_everywhere_else.click()

        expect(devices_page.message).to_have_text("2 other devices have been signed out.")
        expect(devices_page.names).to_have_text(["This browser"])
        for device in (phone, laptop):
            assert_revoked(device, RevokedReason.USER, by=ada)
        assert call(devices_page, access) == 200

    def test_sign_out_everywhere_else_with_keyboard_asks_for_password(
        self, devices_page, clock, ada, phone, laptop
    ):
        keyboard = Keyboard(devices_page.page)
        clock.move(LONG_AGO)
        devices_page.open_list()
        keyboard.follow(devices_page.sign_out_everywhere_else)
        expect(devices_page.password).to_be_focused()
        keyboard.type(PASSWORD)
        with devices_page.page.expect_navigation():
            keyboard.press("Enter")

        expect(devices_page.message).to_have_text("2 other devices have been signed out.")
        for device in (phone, laptop):
            assert_revoked(device, RevokedReason.USER, by=ada)


@pytest.mark.usefixtures("other_devices")
class TestCurrentDevice:
    def test_sign_out_current_device_logs_out_of_site(self, devices_page, ada):
        access = devices_page.log_in_to_api(ada)
        devices_page.open_list()

        devices_page.log_out("This browser").click()

        expect(devices_page.username).to_be_visible()
        assert call(devices_page, access) == 401
        devices_page.open_list()
        expect(devices_page.username).to_be_visible()


@pytest.mark.usefixtures("other_devices")
class TestRename:
    def test_rename_device_with_keyboard_changes_name(self, devices_page, phone):
        keyboard = Keyboard(devices_page.page)
        devices_page.open_list()
        keyboard.follow(devices_page.rename("Ada's phone"))
        keyboard.go_to(devices_page.page.get_by_label("Name"))
        keyboard.press("Control+A")
        keyboard.type("Pocket")

        keyboard.follow(devices_page.answer)

        expect(devices_page.rename("Pocket")).to_be_visible()
        assert phone.session.name == "Pocket"


def call(devices_page: DevicesPage, access: str) -> int:
    """Return the status of a call with this browser's access token."""
    headers = {"Authorization": f"Bearer {access}"}
    return devices_page.page.request.get("/who-am-i/", headers=headers).status
