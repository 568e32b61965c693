"""Accessibility of all devices pages, on wide and narrow screens, in light and dark mode."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import expect

from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.users import get_auth_hash, get_password_fingerprint
from tests.browser.accessibility import scrolls_horizontally, serious_violations, small_targets
from tests.browser.devices_page import PREFIX
from tests.factories import PASSWORD

WIDE = {"width": 1280, "height": 800}
# The narrowest width of 1.4.10 in WCAG 2.2 without horizontal scrolling.
NARROW = {"width": 320, "height": 640}
LONG_AGO = timedelta(minutes=6)


@pytest.fixture(params=[WIDE, NARROW], ids=["wide", "narrow"], autouse=True)
def _screen(page, request):
    page.set_viewport_size(request.param)


@pytest.fixture
def stale(clock, devices_page):
    """The login is too old: signing a device out requires re-authentication."""
    clock.move(LONG_AGO)
    return devices_page


@pytest.fixture(autouse=True)
def _accessible(page):
    """Check the page that the test leaves in the tab."""
    yield
    assert serious_violations(page) == {}
    assert small_targets(page) == []
    assert not scrolls_horizontally(page)


def test_device_list_is_accessible(devices_page, ada, phone, laptop, make_device):
    make_device(ada, "W" * 128)
    make_device(ada, "")
    TokenFamily.objects.filter(session__name="W" * 128).update(binding="dpop")
    devices_page.log_in_to_api(ada)
    devices_page.open_list()

    expect(devices_page.names).to_have_count(5)
    expect(devices_page.page.get_by_text("Tied to its device")).to_be_visible()


def test_device_list_with_double_font_size_is_accessible(devices_page, ada, phone, make_device):
    make_device(ada, "Donaudampfschifffahrtsgesellschaftskapitänsmütze")
    devices_page.open_list()
    icon = devices_page.page.locator("svg").first
    before = icon.bounding_box()
    # Scripts may set styles that the policy forbids in the page.
    devices_page.page.evaluate("document.documentElement.style.fontSize = '200%'")

    assert icon.bounding_box()["width"] == 2 * before["width"]


@pytest.mark.parametrize(("language", "direction"), [("he", "rtl"), ("de", "ltr"), ("ja", "ltr")])
def test_device_list_in_other_language_is_accessible(
    devices_page, ada, phone, make_device, context, live_server, language, direction
):
    make_device(ada, "המחשב של דנה בסלון")
    make_device(ada, "リビングルームのテレビの横にあるスマートフォン")
    cookie = {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": live_server.url}
    context.add_cookies([cookie])
    devices_page.open_list()

    expect(devices_page.names).to_have_count(4)
    expect(devices_page.page.locator("html")).to_have_attribute("dir", direction)
    expect(devices_page.page.locator("html")).to_have_attribute("lang", language)


def test_device_list_without_device_session_is_accessible(devices_page):
    devices_page.open_list()

    expect(devices_page.names).to_have_count(1)
    expect(
        devices_page.page.get_by_text("You are not signed in on any other device.")
    ).to_be_visible()


def test_confirmation_of_one_device_is_accessible(devices_page, phone):
    devices_page.open(phone.session, "end")

    expect(devices_page.answer).to_have_text("Sign out")


def test_confirmation_of_all_others_is_accessible(devices_page, phone, laptop):
    devices_page.page.goto(reverse(f"{PREFIX}:end-others"))

    expect(devices_page.answer).to_have_text("Sign out everywhere else")


def test_failed_reauthentication_is_accessible(stale, phone):
    stale.open(phone.session, "end")
    stale.password.fill("a guess")
    stale.answer.click()

    expect(stale.page).to_have_title("Error: Sign out Ada's phone?")
    expect(stale.page.locator(".errorlist")).to_be_visible()


def test_throttled_reauthentication_is_accessible(stale, phone, error_recorder):
    stale.open(phone.session, "end")
    for _ in range(5):
        stale.password.fill("a guess")
        stale.answer.click()
    stale.password.fill(PASSWORD)
    stale.answer.click()

    expect(stale.page.get_by_role("heading", name="Too many attempts")).to_be_visible()
    error_recorder.expect_status(429)


def test_reauthentication_without_password_is_accessible(
    stale, ada, phone, log_in, clock, error_recorder
):
    ada.set_unusable_password()
    type(ada).objects.filter(pk=ada.pk).update(password=ada.password)
    # As after a login without a password.
    DeviceSession.objects.update(
        auth_hash=get_auth_hash(ada), password_fingerprint=get_password_fingerprint(ada)
    )
    log_in(ada)
    session = phone.session
    clock.move(LONG_AGO)
    stale.page.goto(reverse(f"{PREFIX}:end-others"))

    expect(stale.page.get_by_role("heading", name="Please sign in again")).to_be_visible()
    error_recorder.expect_status(403)
    assert session.revoked_at is None


def test_rename_form_is_accessible(devices_page, phone):
    devices_page.open(phone.session, "rename")

    expect(devices_page.page.get_by_label("Name")).to_have_value("Ada's phone")


def test_message_after_sign_out_is_accessible(devices_page, phone):
    devices_page.open_list()
    devices_page.log_out("Ada's phone").click()

    expect(devices_page.message).to_be_visible()
