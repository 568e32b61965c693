"""Screenshots of the devices page for the docs, with sample data."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.devices_page import DevicesPage
from tests.browser.sample_data import DEVICES_OF_ADA, NOW, create_sessions
from tests.browser.screenshots import Screenshots
from tests.clock import standing_clock

WIDE = {"width": 820, "height": 700}
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def clock(live_server):
    with standing_clock(NOW) as clock:
        yield clock


@pytest.fixture
def devices(clock):
    return create_sessions(clock, DEVICES_OF_ADA)


@pytest.fixture
def devices_page(page, devices, log_in):
    """A user whose browser is one of the sample devices."""
    ada = devices[0].user
    page.set_viewport_size(WIDE)
    log_in(ada)
    pages = DevicesPage(page)
    pages.log_in_to_api(ada, name="")
    return pages


@pytest.fixture
def screenshots(page, tmp_path):
    return Screenshots(page, tmp_path)


@pytest.mark.parametrize(
    ("scheme", "screen", "name"),
    [
        ("light", WIDE, "devices-page"),
        ("dark", WIDE, "devices-page-dark"),
        ("light", PHONE, "devices-page-phone"),
    ],
)
def test_device_list_screenshot_is_taken(devices_page, screenshots, scheme, screen, name):
    devices_page.page.emulate_media(color_scheme=scheme)
    devices_page.page.set_viewport_size(screen)
    devices_page.open_list()

    expect(devices_page.names).to_have_count(1 + len(DEVICES_OF_ADA))
    screenshots.take(name, whole_page=True)


def test_reauthentication_screenshot_is_taken(devices_page, devices, clock, screenshots):
    clock.move(timedelta(minutes=6))
    devices_page.open(devices[1], "end")

    expect(devices_page.password).to_be_visible()
    screenshots.take("devices-page-proof", whole_page=True)
