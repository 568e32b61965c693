"""The page of the demo: each button does what it says, in each mode."""

import re
import signal
from importlib.util import find_spec

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import scrolls_horizontally, serious_violations, small_targets
from tests.browser.demo_page import PATIENCE, DemoPage
from tests.browser.keyboard import Keyboard
from tests.browser.screenshots import Screenshots
from tests.example.commands import LONGEST_SERVING, environment, read_until, start

# Shorter than on the page, for short tests.
TIMES = '{"ROTATION_OVERLAP": 2, "CONFIRM_DELIVERY_AFTER": 1}'

DELIVERED = 3500
"""Milliseconds after which the attacker has called the API for the second time."""

WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 320, "height": 740}

MODES = [
    "strict",
    pytest.param(
        "as simplejwt",
        marks=pytest.mark.skipif(
            find_spec("rest_framework_simplejwt") is None, reason="simplejwt is not installed"
        ),
    ),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The base URL of a running demo, in the default mode."""
    database = tmp_path_factory.mktemp("demo") / "demo.sqlite3"
    env = environment(database, EXAMPLE_REFRESH_SESSIONS=TIMES)
    serving = ("demo", "--serve", "--port", "0")
    with start(*serving, env=env, longest=LONGEST_SERVING) as process:
        shown = read_until(process, "Serving until")
        yield re.search(r"Open (http://127\.0\.0\.1:\d+)/ ", shown)[1]
        process.send_signal(signal.SIGINT)
        process.communicate()


@pytest.fixture
def demo(chromium, address, error_recorder):
    """The page in the default mode, in a new browser profile."""
    context = chromium.new_context(
        viewport=WIDE, locale="en-US", timezone_id="UTC", reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    error_recorder.listen(page)
    demo = DemoPage(page, address)
    demo.open()
    yield demo
    context.close()


@pytest.fixture
def refusals(error_recorder):
    """Remove the console errors of refused requests.

    The client asks for the sessions after a lost response, which simplejwt does not have.
    """
    yield
    pattern = r"status of (401|404|409)"
    error_recorder.errors[:] = [it for it in error_recorder.errors if not re.search(pattern, it)]


@pytest.fixture
def screenshots(demo, tmp_path):
    return Screenshots(demo.page, tmp_path)


@pytest.mark.usefixtures("refusals")
def test_default_mode_keeps_ada_logged_in_after_crashes_losses_and_races(demo):
    # First, while a refresh rotates: the overlap of an earlier one would delay it.
    demo.press("Crash the browser")
    expect(demo.summary).to_contain_text("1 request to refresh/: 200.")
    demo.expect_logged_in()

    demo.press("Lose the next answer")
    expect(demo.summary).to_contain_text("2 requests to refresh/: 200, lost; 200.")
    demo.expect_logged_in()

    demo.press("All tabs refresh")
    expect(demo.summary).to_contain_text("1 request to refresh/: 200.")
    demo.expect_logged_in()

    demo.page.reload()
    demo.expect_idle()
    demo.expect_logged_in()
    expect(demo.timeline.filter(has_text="login/")).to_have_count(0)

    demo.press("Without Web Locks")
    demo.press("All tabs refresh")
    expect(demo.summary).to_contain_text("to refresh/: 200")
    demo.expect_logged_in()


@pytest.mark.usefixtures("refusals")
def test_stolen_token_in_default_mode_is_detected_and_shown_to_staff(demo):
    demo.press("Steal the token")
    demo.press("Attacker uses it")
    expect(demo.verdict).to_have_text("Ada is logged in, and the attacker has access")
    expect(demo.attacker).to_have_text("Reads Ada's data: 200 ada.")

    # Longer than CONFIRM_DELIVERY_AFTER: then a call of the attacker confirms the delivery.
    demo.page.wait_for_timeout(DELIVERED)
    demo.press("All tabs refresh")
    demo.expect_logged_out()
    expect(demo.summary).to_contain_text("203.0.113.66 used the same token")
    expect(demo.attacker).to_have_text("Refused: 401 session_revoked.", timeout=PATIENCE)
    expect(demo.timeline.filter(has_text="Reuse of a refresh token")).to_have_count(1)

    alarm = demo.follow(demo.button(re.compile("alarm")))
    expect(alarm).to_have_title(re.compile("Ada's browser"))
    expect(alarm.get_by_text("Reuse of a refresh token detected")).to_be_visible()


@pytest.mark.usefixtures("refusals")
def test_stolen_token_of_session_tied_to_device_is_useless(demo):
    pytest.importorskip("cryptography")
    demo.press("Tied to this device")
    demo.expect_logged_in()
    expect(demo.button("Tied to this device")).to_have_attribute("aria-pressed", "true")
    demo.press("Steal the token")
    demo.press("Attacker uses it")
    expect(demo.attacker).to_have_text("Refused: 401 invalid_dpop_proof.")
    demo.expect_logged_in()
    expect(demo.summary).to_contain_text("useless without the key")
    expect(demo.timeline.filter(has_text="without its key, from 203.0.113.66")).to_have_count(1)

    for name in ("All tabs refresh", "Lose the next answer", "Crash the browser"):
        demo.press(name)
        demo.expect_logged_in()

    demo.press("Tied to this device")
    expect(demo.button("Tied to this device")).to_have_attribute("aria-pressed", "false")
    demo.press("Attacker uses it")
    expect(demo.attacker).to_have_text("Refused: 401 invalid_dpop_proof.")


@pytest.mark.usefixtures("refusals")
@pytest.mark.parametrize("mode", MODES)
def test_same_button_in_other_mode_logs_ada_out(demo, mode):
    demo.press("Lose the next answer")
    demo.expect_logged_in()

    demo.switch_to(mode)
    demo.expect_logged_out()
    expect(demo.summary).to_contain_text("2 requests to refresh/: 200, lost; 401.")


@pytest.mark.usefixtures("refusals")
def test_revoked_session_logs_all_tabs_out(demo):
    for name, by in (("Log out from the phone", "ada"), ("Staff revoke", "admin")):
        demo.press(name)
        demo.expect_logged_out()
        event = demo.timeline.filter(has_text=f"Revoked by {by}: Ada's browser")
        expect(event).to_have_count(1)

        demo.press(name)
        expect(demo.summary).to_have_text("Ada is logged out. Log in first.")
        demo.press("Log in again")
        expect(demo.button("All tabs refresh")).to_be_focused()
        demo.expect_logged_in()


@pytest.mark.usefixtures("refusals")
def test_pages_and_their_links_are_accessible_with_the_keyboard(demo):
    keyboard = Keyboard(demo.page)
    keyboard.go_to(demo.button("Lose the next answer"))
    keyboard.press("Enter")
    expect(demo.summary).to_contain_text("2 requests to refresh/", timeout=PATIENCE)
    demo.expect_logged_in()

    for screen in (WIDE, NARROW):
        demo.page.set_viewport_size(screen)
        assert serious_violations(demo.page) == {}
        assert small_targets(demo.page) == []
        assert not scrolls_horizontally(demo.page)
    # Each link logs another account in, so the forms of the page need a new token.
    devices = demo.follow(demo.button(re.compile("devices page")))
    expect(devices.get_by_text("Ada's browser").first).to_be_visible()
    expect(demo.follow(demo.button(re.compile("alarm")))).to_have_title(re.compile("browser"))
    code = demo.follow(demo.page.get_by_role("link", name="The forty lines of a tab"))
    expect(code.get_by_text("createClient({")).to_be_visible()
    for path in ("/tab/", "/code/"):
        demo.page.goto(f"{demo.address}{path}")
        assert serious_violations(demo.page) == {}
        assert not scrolls_horizontally(demo.page)


@pytest.mark.usefixtures("refusals")
def test_screenshots_of_page_are_taken(demo, screenshots):
    demo.press("Steal the token")
    demo.press("Lose the next answer")

    expect(demo.summary).to_contain_text("200, lost; 200.")
    for scheme, name in (("light", "demo"), ("dark", "demo-dark")):
        demo.page.emulate_media(color_scheme=scheme)
        screenshots.take(name, whole_page=True, polls=True)
