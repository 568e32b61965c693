"""The instruments notice what they are there for."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import faults_of_ours, grave_faults
from tests.browser.keyboard import Keyboard

pytestmark = pytest.mark.usefixtures("superuser")


@pytest.fixture
def faulty(page, watch):
    """A page with every fault; what the watch heard of it is taken note of and forgotten."""
    page.goto("/faulty/")
    watch.settle(page)
    heard = [*watch.errors], [*watch.violations]
    watch.errors.clear()
    watch.violations.clear()
    return page, *heard


def test_the_policy_refuses_what_is_inline(faulty):
    page, errors, violations = faulty

    directives = {violation["directive"] for violation in violations}
    assert {"script-src-elem", "style-src-attr"} <= directives
    assert {violation["page"] for violation in violations} == {"/faulty/"}
    assert any("Content Security Policy" in error for error in errors)
    expect(page).to_have_title("Faulty")


def test_a_script_that_fails_is_noticed(faulty):
    _, errors, _ = faulty

    assert "broken" in errors


def test_the_accessibility_check_finds_grave_faults(faulty):
    page, _, _ = faulty

    assert {
        ("label", "#nameless", "light"),
        ("color-contrast", "#pale", "light"),
        ("color-contrast", "#night", "dark"),
    } <= grave_faults(page).keys()


def test_a_fault_of_django_is_not_held_against_us(page, log_in, superuser):
    log_in(superuser)
    page.goto("/plain/admin/refresh_sessions/devicesession/")
    of_django = grave_faults(page)

    assert faults_of_ours(page, plain=page.url) == {}
    assert {fault.rule for fault in of_django} == {"label-title-only"}


def test_a_fault_of_ours_is(faulty, log_in, superuser):
    page, _, _ = faulty
    log_in(superuser)

    of_ours = faults_of_ours(page, plain="/plain/admin/refresh_sessions/devicesession/")

    assert ("label", "#nameless", "light") in of_ours


def test_a_focus_that_does_not_show_is_noticed(page):
    page.set_content(
        "<button id=plain>Here</button> <button id=bare style='outline: none'>Where?</button>"
    )
    keyboard = Keyboard(page)

    keyboard.go_to(page.locator("#plain"))
    with pytest.raises(AssertionError, match="cannot be seen"):
        keyboard.go_to(page.locator("#bare"))


def test_what_the_keyboard_cannot_reach_is_noticed(page):
    page.set_content("<button>Here</button> <button tabindex=-1 id=far>There</button>")

    with pytest.raises(AssertionError, match="does not lead"):
        Keyboard(page).go_to(page.locator("#far"))


@pytest.mark.parametrize("turn", ["first", "second"])
def test_the_next_test_finds_nothing_of_the_one_before(page, log_in, superuser, turn):
    assert page.context.cookies() == []
    page.goto("/admin/")
    expect(page).to_have_title(re.compile("Log in"))
    assert page.evaluate("localStorage.getItem('left')") is None

    page.evaluate("localStorage.setItem('left', 'behind')")
    log_in(superuser)
    page.goto("/admin/")
    expect(page).to_have_title(re.compile("Site administration"))
