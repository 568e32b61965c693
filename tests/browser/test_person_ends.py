"""People end devices of theirs on their own page, and those learn of it with their next call."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from refresh_sessions.models import RevokedReason
from tests.browser.devices import assert_signed_out
from tests.browser.keyboard import Keyboard
from tests.browser.person import PersonPages
from tests.factories import PASSWORD

LONG_AGO = timedelta(minutes=6)
DONE = "Ada's phone has been signed out."


@pytest.mark.usefixtures("bystanders")
class TestAnotherDevice:
    def test_at_once_after_the_login(self, page, ada, phone):
        pages = PersonPages(page)
        pages.log_in(ada)
        expect(page).to_have_url(re.compile("/devices/$"))
        expect(pages.names).to_have_count(3)

        pages.log_out("Ada's phone").click()

        expect(pages.message).to_have_text(DONE)
        expect(pages.names).to_have_count(2)
        assert_signed_out(phone, RevokedReason.USER, by=ada)

    def test_long_after_the_login_with_proof_of_identity(self, person, clock, ada, phone):
        clock.move(LONG_AGO)
        person.open_list()
        person.log_out("Ada's phone").click()
        expect(person.password).to_be_visible()
        person.password.fill("a guess")
        person.answer.click()
        expect(person.page).to_have_title("Error: Sign out Ada's phone?")
        assert phone.call().status == 200

        person.password.fill(PASSWORD)
        person.answer.click()

        expect(person.message).to_have_text(DONE)
        assert_signed_out(phone, RevokedReason.USER, by=ada)

    def test_not_after_a_change_of_mind(self, person, clock, phone):
        clock.move(LONG_AGO)
        person.open_list()
        person.log_out("Ada's phone").click()

        person.cancel.click()

        expect(person.names).to_have_count(3)
        assert phone.call().status == 200
        assert phone.try_refresh().status == 200

    def test_by_keyboard_alone(self, page, clock, ada, phone):
        keyboard, pages = Keyboard(page), PersonPages(page)
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
        assert_signed_out(phone, RevokedReason.USER, by=ada)

    def test_the_way_back_by_keyboard(self, person, clock, phone):
        keyboard = Keyboard(person.page)
        clock.move(LONG_AGO)
        person.open(phone.session, "end")

        keyboard.follow(person.cancel)

        expect(person.names).to_have_count(3)
        assert phone.call().status == 200


class TestAllOthers:
    def test_end_and_this_one_stays(self, person, ada, phone, laptop):
        access = person.become_a_device(ada)
        person.open_list()
        expect(person.names).to_have_text(["This browser", "Ada's laptop", "Ada's phone"])

        person.sign_out_everywhere_else.click()

        expect(person.message).to_have_text("2 other devices have been signed out.")
        expect(person.names).to_have_text(["This browser"])
        for device in (phone, laptop):
            assert_signed_out(device, RevokedReason.USER, by=ada)
        assert call(person, access) == 200

    def test_by_keyboard_with_proof_of_identity(self, person, clock, ada, phone, laptop):
        keyboard = Keyboard(person.page)
        clock.move(LONG_AGO)
        person.open_list()
        keyboard.follow(person.sign_out_everywhere_else)
        expect(person.password).to_be_focused()
        keyboard.type(PASSWORD)
        with person.page.expect_navigation():
            keyboard.press("Enter")

        expect(person.message).to_have_text("2 other devices have been signed out.")
        for device in (phone, laptop):
            assert_signed_out(device, RevokedReason.USER, by=ada)


@pytest.mark.usefixtures("bystanders")
class TestThisDevice:
    def test_is_signed_out_of_the_site_as_well(self, person, ada):
        access = person.become_a_device(ada)
        person.open_list()

        person.log_out("This browser").click()

        expect(person.username).to_be_visible()
        assert call(person, access) == 401
        person.open_list()
        expect(person.username).to_be_visible()


@pytest.mark.usefixtures("bystanders")
class TestAName:
    def test_is_changed_by_keyboard(self, person, phone):
        keyboard = Keyboard(person.page)
        person.open_list()
        keyboard.follow(person.rename("Ada's phone"))
        keyboard.go_to(person.page.get_by_label("Name"))
        keyboard.press("Control+A")
        keyboard.type("Pocket")

        keyboard.follow(person.answer)

        expect(person.rename("Pocket")).to_be_visible()
        assert phone.session.name == "Pocket"


def call(person: PersonPages, access: str) -> int:
    """The status of a call with the access token of this browser."""
    headers = {"Authorization": f"Bearer {access}"}
    return person.page.request.get("/who-am-i/", headers=headers).status
