"""The pictures of the page of devices in docs/, on the same morning on every run."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.person import PersonPages
from tests.browser.pictures import Camera
from tests.browser.scenes import DEVICES_OF_ADA, NOW, play
from tests.clock import standing_clock

DESK = {"width": 820, "height": 700}
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def clock(live_server):
    with standing_clock(NOW) as clock:
        yield clock


@pytest.fixture
def devices(clock):
    return play(clock, DEVICES_OF_ADA)


@pytest.fixture
def person(page, devices, log_in):
    """Ada, whose browser is one of her devices."""
    ada = devices[0].user
    page.set_viewport_size(DESK)
    log_in(ada)
    pages = PersonPages(page)
    pages.become_a_device(ada, name="")
    return pages


@pytest.fixture
def camera(page, tmp_path):
    return Camera(page, tmp_path)


@pytest.mark.parametrize(
    ("scheme", "screen", "name"),
    [
        ("light", DESK, "devices-page"),
        ("dark", DESK, "devices-page-dark"),
        ("light", PHONE, "devices-page-phone"),
    ],
)
def test_the_list(person, camera, scheme, screen, name):
    person.page.emulate_media(color_scheme=scheme)
    person.page.set_viewport_size(screen)
    person.open_list()

    expect(person.names).to_have_count(1 + len(DEVICES_OF_ADA))
    camera.take(name, whole_page=True)


def test_the_proof_of_identity(person, devices, clock, camera):
    clock.move(timedelta(minutes=6))
    person.open(devices[1], "end")

    expect(person.password).to_be_visible()
    camera.take("devices-page-proof", whole_page=True)
