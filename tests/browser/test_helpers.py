"""The helpers of these tests detect the problems for which they exist."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import serious_violations, violations_beyond_django
from tests.browser.keyboard import Keyboard

pytestmark = pytest.mark.usefixtures("superuser")


@pytest.fixture
def faulty(page, error_recorder):
    """A page with every problem, and the recorded errors and violations."""
    page.goto("/faulty/")
    error_recorder.settle(page)
    # A busy machine delivers the reports of the browser late.
    for _ in range(50):
        if len(error_recorder.violations) > 1 and error_recorder.errors:
            break
        page.wait_for_timeout(100)
    heard = [*error_recorder.errors], [*error_recorder.violations]
    error_recorder.errors.clear()
    error_recorder.violations.clear()
    return page, *heard


def test_policy_inline_script_is_refused_with_report(faulty):
    page, errors, violations = faulty

    directives = {violation["directive"] for violation in violations}
    assert {"script-src-elem", "style-src-attr"} <= directives
    assert {violation["page"] for violation in violations} == {"/faulty/"}
    assert any("Content Security Policy" in error for error in errors)
    expect(page).to_have_title("Faulty")


def test_error_recorder_failed_script_is_recorded(faulty):
    _, errors, _ = faulty

    assert "broken" in errors


def test_accessibility_check_finds_serious_violations(faulty):
    page, _, _ = faulty

    assert {
        ("label", "#nameless", "light"),
        ("color-contrast", "#pale", "light"),
        ("color-contrast", "#night", "dark"),
    } <= serious_violations(page).keys()


def test_accessibility_check_violation_of_django_is_excluded(page, log_in, superuser):
    log_in(superuser)
    page.goto("/plain/admin/refresh_sessions/devicesession/")
    django_violations = serious_violations(page)

    assert violations_beyond_django(page, plain=page.url) == {}
    assert {violation.rule for violation in django_violations} == {"label-title-only"}


def test_accessibility_check_violation_of_package_is_included(faulty, log_in, superuser):
    page, _, _ = faulty
    log_in(superuser)

    package_violations = violations_beyond_django(
        page, plain="/plain/admin/refresh_sessions/devicesession/"
    )

    assert ("label", "#nameless", "light") in package_violations


def test_keyboard_invisible_focus_raises_error(page):
    page.set_content(
        "<button id=plain>Here</button> <button id=bare style='outline: none'>Where?</button>"
    )
    keyboard = Keyboard(page)

    keyboard.go_to(page.locator("#plain"))
    with pytest.raises(AssertionError, match="cannot be seen"):
        keyboard.go_to(page.locator("#bare"))


def test_keyboard_unreachable_element_raises_error(page):
    page.set_content("<button>Here</button> <button tabindex=-1 id=far>There</button>")

    with pytest.raises(AssertionError, match="does not lead"):
        Keyboard(page).go_to(page.locator("#far"))


@pytest.mark.parametrize("turn", ["first", "second"])
def test_page_fixture_has_no_data_of_former_test(page, log_in, superuser, turn):
    assert page.context.cookies() == []
    page.goto("/admin/")
    expect(page).to_have_title(re.compile("Log in"))
    assert page.evaluate("localStorage.getItem('left')") is None

    page.evaluate("localStorage.setItem('left', 'behind')")
    log_in(superuser)
    page.goto("/admin/")
    expect(page).to_have_title(re.compile("Site administration"))
