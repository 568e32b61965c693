"""A user's page in the admin, with the button that revokes all sessions."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from refresh_sessions.models import RevokedReason
from tests.browser.accessibility import violations_beyond_django
from tests.browser.devices import assert_revoked
from tests.browser.keyboard import Keyboard

DONE = "2 sessions were revoked."


@pytest.fixture
def other_device(make_device, superuser):
    return make_device(superuser, "Bob's phone")


def open_user(admin_pages, user):
    admin_pages.page.goto(
        reverse("admin:auth_user_change", args=[user.pk], current_app="with_users")
    )


def test_user_page_button_revokes_all_sessions_of_user(
    admin_pages, superuser, ada, phone, laptop, other_device
):
    open_user(admin_pages, ada)
    expect(admin_pages.page.get_by_text("on 2 devices")).to_be_visible()
    admin_pages.sign_user_out.click()
    expect(admin_pages.page.get_by_text("sign ada@example.org out everywhere?")).to_be_visible()
    assert phone.call().status == 200

    admin_pages.yes.click()

    expect(admin_pages.message).to_have_text(DONE)
    expect(admin_pages.page.get_by_text("on no device")).to_be_visible()
    for device in (phone, laptop):
        assert_revoked(device, RevokedReason.ADMIN, by=superuser)
    assert other_device.call().status == 200


def test_user_page_button_with_keyboard_revokes_sessions(
    admin_pages, superuser, ada, phone, laptop
):
    keyboard = Keyboard(admin_pages.page)
    open_user(admin_pages, ada)
    # Shift+Tab is shorter from the end of a long page.
    keyboard.follow(admin_pages.sign_user_out, by="Shift+Tab")
    keyboard.skip_to_content()

    keyboard.follow(admin_pages.yes)

    expect(admin_pages.message).to_have_text(DONE)
    for device in (phone, laptop):
        assert_revoked(device, RevokedReason.ADMIN, by=superuser)


def test_user_page_button_on_narrow_screen_covers_no_text(admin_pages, ada, phone):
    admin_pages.page.set_viewport_size({"width": 320, "height": 640})
    open_user(admin_pages, ada)

    button = admin_pages.sign_user_out.bounding_box()
    text = admin_pages.page.get_by_text("Revokes all device sessions.").bounding_box()
    assert button["y"] + button["height"] <= text["y"]


def test_user_page_is_accessible(admin_pages, ada, phone):
    open_user(admin_pages, ada)

    expect(admin_pages.sign_user_out).to_be_visible()
    plain = reverse("admin:auth_user_change", args=[ada.pk], current_app="plain")
    assert violations_beyond_django(admin_pages.page, plain=plain) == {}
