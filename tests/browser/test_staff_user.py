"""A user's page in the admin of a project, and the button on it that signs that user out."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from refresh_sessions.models import RevokedReason
from tests.browser.accessibility import faults_of_ours
from tests.browser.devices import assert_signed_out
from tests.browser.keyboard import Keyboard

DONE = "2 sessions were revoked."


@pytest.fixture
def stranger(make_device, superuser):
    return make_device(superuser, "Bob's phone")


def open_user(staff, user):
    staff.page.goto(reverse("admin:auth_user_change", args=[user.pk], current_app="with_users"))


def test_the_button_signs_all_devices_out(staff, superuser, ada, phone, laptop, stranger):
    open_user(staff, ada)
    expect(staff.page.get_by_text("on 2 devices")).to_be_visible()
    staff.sign_user_out.click()
    expect(staff.page.get_by_text("sign ada@example.org out everywhere?")).to_be_visible()
    assert phone.call().status == 200

    staff.yes.click()

    expect(staff.message).to_have_text(DONE)
    expect(staff.page.get_by_text("on no device")).to_be_visible()
    for device in (phone, laptop):
        assert_signed_out(device, RevokedReason.ADMIN, by=superuser)
    assert stranger.call().status == 200


def test_by_keyboard_alone(staff, superuser, ada, phone, laptop):
    keyboard = Keyboard(staff.page)
    open_user(staff, ada)
    # From the foot of a long page it is nearer.
    keyboard.follow(staff.sign_user_out, by="Shift+Tab")
    keyboard.skip_to_content()

    keyboard.follow(staff.yes)

    expect(staff.message).to_have_text(DONE)
    for device in (phone, laptop):
        assert_signed_out(device, RevokedReason.ADMIN, by=superuser)


def test_on_a_phone_the_button_lies_on_no_text(staff, ada, phone):
    staff.page.set_viewport_size({"width": 320, "height": 640})
    open_user(staff, ada)

    button = staff.sign_user_out.bounding_box()
    text = staff.page.get_by_text("Revokes all device sessions.").bounding_box()
    assert button["y"] + button["height"] <= text["y"]


def test_the_page_is_fit_for_all(staff, ada, phone):
    open_user(staff, ada)

    expect(staff.sign_user_out).to_be_visible()
    plain = reverse("admin:auth_user_change", args=[ada.pk], current_app="plain")
    assert faults_of_ours(staff.page, plain=plain) == {}
