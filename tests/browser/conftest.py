"""A browser, a server for it to talk to, and a watch on what it complains of."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission
from django.test import Client, override_settings

from tests.browser import equipment
from tests.browser.devices import BROWSER, LAPTOP, PHONE, Device, wire_to
from tests.browser.policy import settings_in_force
from tests.factories import UserFactory

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.browser.person import PersonPages
    from tests.browser.staff import StaffPages
    from tests.browser.watching import Watch

# Without its equipment these files cannot even be imported. What is said about it stands in the
# header of the run.
collect_ignore_glob = ["*.py"] if equipment.left_out() else []

# The last list of these counts, so the first line is what Playwright's own has for pages. The rest
# are parts of a window that nobody sees, each in a process that would take half of the time.
_WITHOUT = (
    "HttpsUpgrades,MediaRouter,OptimizationHints,PaintHolding,"
    "InitialWebUI,WebUIOmniboxAimPopup,WebUIOmniboxPopup"
)

_ARGUMENTS = [
    # It runs as root in CI, where Chromium's own sandbox will not.
    "--no-sandbox",
    "--disable-gpu",
    # It shall talk to the test's server and to nobody else.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # Letters come out the same on screens of all kinds.
    "--font-render-hinting=none",
    f"--disable-features={_WITHOUT}",
]


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Leave a run of these tests alone out in plain words when the equipment is not there."""
    reason = equipment.left_out()
    here = Path(__file__).parent
    asked_for = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    if reason is None or not all(path.is_relative_to(here) for path in asked_for):
        return None
    print(reason)  # noqa: T201 - this line is all that the run has to say
    required = os.environ.get("REFRESH_SESSIONS_REQUIRE_SERVERS") == "1"
    return pytest.ExitCode.USAGE_ERROR if required else pytest.ExitCode.OK


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all tests here, gone before others begin."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - may be missing

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, and Django takes that for async code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        # Python's development mode would have it note a stack for every step.
        asyncio.get_running_loop().set_debug(False)
        browser = playwright.chromium.launch(executable_path=equipment.chromium(), args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def _policy() -> Iterator[None]:
    with override_settings(ROOT_URLCONF="tests.browser.urls", **settings_in_force()):
        yield


@pytest.fixture(scope="package")
def live_server(_policy, live_server):
    """pytest-django's, started with a strict Content-Security-Policy in force."""
    return live_server


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test in the end if the browser had anything to complain of."""
    from tests.browser.watching import Watch  # noqa: PLC0415 - may be missing

    watch = Watch()
    yield watch
    assert watch.violations == []
    assert watch.errors == []


@pytest.fixture(scope="package")
def context(chromium, live_server) -> Iterator[BrowserContext]:
    """A browser's profile, the same on all machines. One for all: a new one costs a second."""
    context = chromium.new_context(
        base_url=live_server.url,
        viewport={"width": 1280, "height": 800},
        user_agent=BROWSER,
        locale="en-US",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, live_server, watch: Watch) -> Iterator[Page]:
    """An empty tab in a browser that knows nothing of the tests before."""
    page = context.new_page()
    watch.listen(page)
    yield page
    watch.settle(page)
    stored = {"origin": live_server.url, "storageTypes": "cookies,local_storage"}
    context.new_cdp_session(page).send("Storage.clearDataForOrigin", stored)
    page.close()


@pytest.fixture
def sign_in(context, live_server):
    """Give the browser somebody's cookie, as if from a visit before."""

    def put_cookie(user) -> None:
        client = Client()
        client.force_login(user)
        name = django_settings.SESSION_COOKIE_NAME
        context.add_cookies(
            [{"name": name, "value": client.cookies[name].value, "url": live_server.url}]
        )

    return put_cookie


@pytest.fixture
def superuser(live_server):
    """Staff who may do everything."""
    return UserFactory.create(username="admin", is_staff=True, is_superuser=True)


@pytest.fixture
def viewer(live_server):
    """Staff who may look at sessions and nothing else."""
    viewer = UserFactory.create(username="viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename="view_devicesession"))
    return viewer


@pytest.fixture
def staff(page, sign_in, superuser) -> StaffPages:
    """The admin, for staff who may do everything and are signed in."""
    from tests.browser.staff import StaffPages  # noqa: PLC0415 - may be missing

    sign_in(superuser)
    return StaffPages(page)


@pytest.fixture
def phone(ada, make_device: Callable[..., Device]) -> Device:
    """The device that a test is about."""
    return make_device(ada)


@pytest.fixture
def laptop(ada, make_device: Callable[..., Device]) -> Device:
    """Another device of the same person."""
    return make_device(ada, "Ada's laptop", LAPTOP)


@pytest.fixture
def bystanders(ada, phone, laptop, make_device) -> Iterator[None]:
    """Devices that nobody means: before and after the test they are signed in."""
    bob = UserFactory.create(username="bob@example.org")
    bystanders = [laptop, make_device(bob, "Bob's phone")]
    assert [device.call().status for device in (phone, *bystanders)] == [200, 200, 200]
    yield
    assert [device.call().status for device in bystanders] == [200, 200]
    assert [device.try_refresh().status for device in bystanders] == [200, 200]


@pytest.fixture
def person(page, sign_in, ada) -> PersonPages:
    """The page of devices, for somebody who is signed in at this very moment."""
    from tests.browser.person import PersonPages  # noqa: PLC0415 - may be missing

    sign_in(ada)
    return PersonPages(page)


@pytest.fixture
def make_device(live_server):
    """Sign somebody in on a device, over HTTP."""
    wire = wire_to(live_server.url)

    def make(user, name="Ada's phone", user_agent=PHONE) -> Device:
        device = Device(wire=wire, name=name, user_agent=user_agent)
        device.sign_in(user)
        return device

    return make
