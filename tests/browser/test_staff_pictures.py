"""The pictures in docs/ are of these pages, on a morning that is the same on every run.

``tox -e screenshots`` writes them; every other run takes them as well, and puts them aside.
"""

import pytest
from playwright.sync_api import expect

from tests.browser.pictures import IMAGES, NAMES, Camera
from tests.browser.scenes import NOW, play, play_month
from tests.clock import standing_clock


@pytest.fixture
def sessions(superuser):
    with standing_clock(NOW) as clock:
        play_month(clock, staff=superuser)
        yield play(clock, staff=superuser)


@pytest.fixture
def camera(page, tmp_path):
    return Camera(page, tmp_path)


@pytest.mark.parametrize(
    ("scheme", "name"), [("light", "admin-sessions"), ("dark", "admin-sessions-dark")]
)
def test_the_list(sessions, staff, camera, scheme, name):
    staff.page.emulate_media(color_scheme=scheme)
    staff.open_list()
    staff.fold_menu()

    expect(staff.rows).to_have_count(100)
    camera.take(name)


def test_a_session_whose_token_was_stolen(sessions, staff, camera):
    (stolen,) = (session for session in sessions if session.revoked_reason == "reuse")
    staff.open(stolen)
    staff.fold_menu()

    expect(staff.page.get_by_text("198.51.100.66").first).to_be_visible()
    camera.take("admin-session", whole_page=True)


def test_the_question(sessions, staff, camera):
    staff.open_list(q="anna")
    staff.fold_menu()
    for session in sessions:
        if session.user.get_username() == "anna.keller":
            staff.checkbox(session).check()
    staff.action.select_option(label="Revoke selected sessions")
    staff.run.click()

    expect(staff.yes).to_be_visible()
    camera.take("admin-revoke")


def test_the_events(sessions, staff, camera):
    staff.open_events()
    staff.fold_menu()

    expect(staff.download).to_be_visible()
    camera.take("admin-events")


def test_no_picture_is_left_from_long_ago():
    assert {image.stem for image in IMAGES.glob("*.png")} == set(NAMES)
