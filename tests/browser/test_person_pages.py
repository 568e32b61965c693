"""Every page for people, on desks and in hands, in daylight and at night: fit for all."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import expect

from refresh_sessions.models import DeviceSession
from refresh_sessions.users import get_auth_hash, get_password_fingerprint
from tests.browser.accessibility import grave_faults, moves_sideways, small_targets
from tests.browser.person import PREFIX
from tests.factories import PASSWORD

DESK = {"width": 1280, "height": 800}
# The narrowest that WCAG 2.2 asks for in 1.4.10, where nothing may need scrolling sideways.
HAND = {"width": 320, "height": 640}
LONG_AGO = timedelta(minutes=6)


@pytest.fixture(params=[DESK, HAND], ids=["desk", "hand"], autouse=True)
def _screen(page, request):
    page.set_viewport_size(request.param)


@pytest.fixture
def stale(clock, person):
    """Long after the login: what ends a device asks for proof of identity."""
    clock.move(LONG_AGO)
    return person


@pytest.fixture(autouse=True)
def _fit_for_all(page):
    """Whatever the test leaves in the tab."""
    yield
    assert grave_faults(page) == {}
    assert small_targets(page) == []
    assert not moves_sideways(page)


def test_the_list(person, ada, phone, laptop, make_device):
    make_device(ada, "W" * 128)
    make_device(ada, "")
    person.become_a_device(ada)
    person.open_list()

    expect(person.names).to_have_count(5)


def test_the_list_in_letters_twice_as_large(person, ada, phone, make_device):
    make_device(ada, "Donaudampfschifffahrtsgesellschaftskapitänsmütze")
    person.open_list()
    icon = person.page.locator("svg").first
    before = icon.bounding_box()
    # A script may change a style where a page may not bring one along.
    person.page.evaluate("document.documentElement.style.fontSize = '200%'")

    assert icon.bounding_box()["width"] == 2 * before["width"]


@pytest.mark.parametrize(("language", "direction"), [("he", "rtl"), ("de", "ltr"), ("ja", "ltr")])
def test_the_list_in_other_languages(
    person, ada, phone, make_device, context, live_server, language, direction
):
    make_device(ada, "המחשב של דנה בסלון")
    make_device(ada, "リビングルームのテレビの横にあるスマートフォン")
    cookie = {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": live_server.url}
    context.add_cookies([cookie])
    person.open_list()

    expect(person.names).to_have_count(4)
    expect(person.page.locator("html")).to_have_attribute("dir", direction)
    expect(person.page.locator("html")).to_have_attribute("lang", language)


def test_the_list_of_a_browser_that_is_no_device(person):
    person.open_list()

    expect(person.names).to_have_count(1)
    expect(person.page.get_by_text("You are not signed in on any other device.")).to_be_visible()


def test_the_question_about_one(person, phone):
    person.open(phone.session, "end")

    expect(person.answer).to_have_text("Sign out")


def test_the_question_about_all_others(person, phone, laptop):
    person.page.goto(reverse(f"{PREFIX}:end-others"))

    expect(person.answer).to_have_text("Sign out everywhere else")


def test_a_proof_that_failed(stale, phone):
    stale.open(phone.session, "end")
    stale.password.fill("a guess")
    stale.answer.click()

    expect(stale.page).to_have_title("Error: Sign out Ada's phone?")
    expect(stale.page.locator(".errorlist")).to_be_visible()


def test_too_many_tries(stale, phone, watch):
    stale.open(phone.session, "end")
    for _ in range(5):
        stale.password.fill("a guess")
        stale.answer.click()
    stale.password.fill(PASSWORD)
    stale.answer.click()

    expect(stale.page.get_by_role("heading", name="Too many attempts")).to_be_visible()
    watch.expect_status(429)


def test_nothing_to_prove_identity_by(stale, ada, phone, log_in, clock, watch):
    ada.set_unusable_password()
    type(ada).objects.filter(pk=ada.pk).update(password=ada.password)
    # As if the device had logged in without a password.
    DeviceSession.objects.update(
        auth_hash=get_auth_hash(ada), password_fingerprint=get_password_fingerprint(ada)
    )
    log_in(ada)
    session = phone.session
    clock.move(LONG_AGO)
    stale.page.goto(reverse(f"{PREFIX}:end-others"))

    expect(stale.page.get_by_role("heading", name="Please sign in again")).to_be_visible()
    watch.expect_status(403)
    assert session.revoked_at is None


def test_a_new_name(person, phone):
    person.open(phone.session, "rename")

    expect(person.page.get_by_label("Name")).to_have_value("Ada's phone")


def test_after_a_device_was_ended(person, phone):
    person.open_list()
    person.log_out("Ada's phone").click()

    expect(person.message).to_be_visible()
