"""Screenshots of the admin for the docs, with sample data.

``tox -e screenshots`` writes them to the docs; other runs write them to a temporary directory.
"""

import pytest
from playwright.sync_api import expect

from tests.browser.sample_data import NOW, create_month, create_sessions
from tests.browser.screenshots import IMAGES, NAMES, Screenshots
from tests.clock import standing_clock


@pytest.fixture
def sessions(superuser):
    with standing_clock(NOW) as clock:
        create_month(clock, staff=superuser)
        yield create_sessions(clock, staff=superuser)


@pytest.fixture
def screenshots(page, tmp_path):
    return Screenshots(page, tmp_path)


@pytest.mark.parametrize(
    ("scheme", "name"), [("light", "admin-sessions"), ("dark", "admin-sessions-dark")]
)
def test_session_list_screenshot_is_taken(sessions, admin_pages, screenshots, scheme, name):
    admin_pages.page.emulate_media(color_scheme=scheme)
    admin_pages.open_list()
    admin_pages.collapse_sidebar()

    expect(admin_pages.rows).to_have_count(100)
    screenshots.take(name)


def test_session_page_screenshot_is_taken(sessions, admin_pages, screenshots):
    (stolen,) = (session for session in sessions if session.revoked_reason == "reuse")
    admin_pages.open(stolen)
    admin_pages.collapse_sidebar()

    expect(admin_pages.page.get_by_text("198.51.100.66").first).to_be_visible()
    screenshots.take("admin-session", whole_page=True)


def test_confirmation_screenshot_is_taken(sessions, admin_pages, screenshots):
    admin_pages.open_list(q="anna")
    admin_pages.collapse_sidebar()
    for session in sessions:
        if session.user.get_username() == "anna.keller":
            admin_pages.checkbox(session).check()
    admin_pages.action.select_option(label="Revoke selected sessions")
    admin_pages.run.click()

    expect(admin_pages.yes).to_be_visible()
    screenshots.take("admin-revoke")


def test_event_list_screenshot_is_taken(sessions, admin_pages, screenshots):
    admin_pages.open_events()
    admin_pages.collapse_sidebar()

    expect(admin_pages.download).to_be_visible()
    screenshots.take("admin-events")


def test_image_folder_has_no_unused_screenshot():
    assert {image.stem for image in IMAGES.glob("*.png")} == set(NAMES)
