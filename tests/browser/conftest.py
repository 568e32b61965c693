"""Fixtures: browser, live server, recorder of browser errors."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.test import Client, override_settings

from tests.browser import equipment
from tests.browser.csp import policy_settings
from tests.browser.devices import BROWSER, LAPTOP, PHONE, Device, connect
from tests.factories import UserFactory

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

    from tests.browser.admin_pages import AdminPages
    from tests.browser.bound_browser import BoundBrowser
    from tests.browser.devices_page import DevicesPage
    from tests.browser.error_recorder import ErrorRecorder
    from tests.browser.front_end import Site, Tabs
    from tests.browser.secure_server import Certificates, SecureServer

# Without Playwright these modules cannot be imported. The header of the run reports the reason.
collect_ignore_glob = ["*.py"] if equipment.left_out() else []

# Chromium uses only the last list of disabled features, so the first line repeats Playwright's.
# The rest disables parts of the window, each a process that would take half of the time.
_WITHOUT = (
    "HttpsUpgrades,MediaRouter,OptimizationHints,PaintHolding,"
    "InitialWebUI,WebUIOmniboxAimPopup,WebUIOmniboxPopup"
)

_ARGUMENTS = [
    # Chromium's sandbox does not work for root, the user in CI.
    "--no-sandbox",
    "--disable-gpu",
    # No connections except to the live server.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # Equal text rendering on all screens.
    "--font-render-hinting=none",
    f"--disable-features={_WITHOUT}",
]


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Exit with the reason if only these tests were requested and requirements are missing."""
    reason = equipment.left_out()
    here = Path(__file__).parent
    asked_for = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    if reason is None or not all(path.is_relative_to(here) for path in asked_for):
        return None
    print(reason)  # noqa: T201 - the only output of the run
    required = os.environ.get("REFRESH_SESSIONS_REQUIRE_SERVERS") == "1"
    return pytest.ExitCode.USAGE_ERROR if required else pytest.ExitCode.OK


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """The one object of this thread that starts browsers."""
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 - may be missing

    # Playwright's own five seconds are too short on a busy machine.
    expect.set_options(timeout=30_000)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright runs an event loop in this thread, which Django takes for async code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        # Python's development mode would record a stack for every step.
        asyncio.get_running_loop().set_debug(False)
        yield playwright


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One browser for all tests of the package."""
    browser = playwright.chromium.launch(executable_path=equipment.chromium(), args=_ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def _policy() -> Iterator[None]:
    with override_settings(ROOT_URLCONF="tests.browser.urls", **policy_settings()):
        yield


@pytest.fixture(scope="package")
def live_server(_policy, live_server):
    """The live server of pytest-django with a strict Content-Security-Policy."""
    return live_server


@pytest.fixture
def error_recorder() -> Iterator[ErrorRecorder]:
    """Fails the test if the browser reported an error."""
    from tests.browser.error_recorder import ErrorRecorder  # noqa: PLC0415 - may be missing

    error_recorder = ErrorRecorder()
    yield error_recorder
    assert error_recorder.violations == []
    assert error_recorder.errors == []


@pytest.fixture(scope="package")
def context(chromium, live_server) -> Iterator[BrowserContext]:
    """A browser profile with fixed properties. It is shared: a new profile takes a second."""
    context = chromium.new_context(
        base_url=live_server.url,
        viewport={"width": 1280, "height": 800},
        user_agent=BROWSER,
        locale="en-US",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    context.set_default_timeout(30_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, live_server, error_recorder: ErrorRecorder) -> Iterator[Page]:
    """An empty tab without data of former tests."""
    page = context.new_page()
    error_recorder.listen(page)
    yield page
    error_recorder.settle(page)
    stored = {"origin": live_server.url, "storageTypes": "cookies,local_storage"}
    context.new_cdp_session(page).send("Storage.clearDataForOrigin", stored)
    page.close()


@pytest.fixture(scope="package")
def site(django_db_setup, django_db_blocker) -> Iterator[Site]:
    """The front end, on gunicorn workers behind a proxy."""
    from tests.browser.front_end import serving  # noqa: PLC0415 - may be missing

    with django_db_blocker.unblock(), serving(CONFIRM_DELIVERY_AFTER=1) as site:
        yield site


@pytest.fixture
def open_browser(
    request, chromium, site, transport, transactional_db
) -> Iterator[Callable[[], Tabs]]:
    """Return a function that opens a browser profile for the page of the JavaScript client."""
    from tests.browser.front_end import Tabs  # noqa: PLC0415 - as above

    with ExitStack() as stack:

        def open_one() -> Tabs:
            context = chromium.new_context()
            context.set_default_timeout(30_000)
            stack.callback(context.close)
            # The faults and answers of this test.
            return Tabs(context, site, f"{id(request.node):x}", transport)

        yield open_one


@pytest.fixture
def tabs(open_browser: Callable[[], Tabs]) -> Tabs:
    """The tabs of one browser."""
    return open_browser()


@pytest.fixture(scope="package")
def certificates(tmp_path_factory) -> Certificates:
    """A certificate authority, and a certificate for ``app.example.com``."""
    from tests.browser.secure_server import Certificates  # noqa: PLC0415 - may be missing

    return Certificates.create(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def serve_securely(certificates: Certificates) -> Iterator[Callable[..., SecureServer]]:
    """Return a function that serves a WSGI application at ``https://app.example.com:<port>``."""
    from tests.browser.secure_server import SecureServer  # noqa: PLC0415 - may be missing

    with ExitStack() as stack:

        def serve(application: WSGIApplication, **options: Any) -> SecureServer:
            server = SecureServer(application, certificates, **options)
            server.start()
            stack.callback(server.stop)
            return server

        yield serve


@pytest.fixture
def secure_site(
    transactional_db, settings, serve_securely: Callable[..., SecureServer]
) -> Iterator[SecureServer]:
    """The tests' project over HTTPS; ``bound_browser`` opens it.

    The page of the front end is ``secure_site.url + "/app/front-end/cookie/"``, and the endpoints
    are below ``/app/cookie/auth/``. ``answers`` has each request, also those that the browser
    sends by itself. ``stop()`` and ``start()`` restart the server.
    """
    from tests.browser.secure_server import HOST  # noqa: PLC0415 - may be missing

    settings.ALLOWED_HOSTS = [HOST]
    settings.ROOT_URLCONF = "tests.browser.secure_urls"
    # A database in memory belongs to this thread.
    shared: list[Any] = [one for one in connections.all() if one.vendor == "sqlite"]
    shared = [connection for connection in shared if connection.is_in_memory_db()]
    for connection in shared:
        connection.inc_thread_sharing()
    override = {connection.alias: connection for connection in shared}
    yield serve_securely(WSGIHandler(), connections=override)
    for connection in shared:
        connection.dec_thread_sharing()


@pytest.fixture
def bound_browser(
    playwright: Playwright, certificates: Certificates, tmp_path: Path
) -> Iterator[BoundBrowser]:
    """Opens browsers that bind sessions to the device: ``bound_browser.open("owner")``.

    The context has one tab, ``context.pages[0]``. Close it and open the profile again to restart
    the browser.

    Chromium refreshes a bound cookie during the first request in the last two minutes of its life.
    It signs six times in nine minutes at most, registration included, and then sends requests
    without the cookie: give the cookie a short life for one refresh, and a long one after that.
    """
    from tests.browser.bound_browser import BoundBrowser, trust  # noqa: PLC0415 - may be missing

    home = tmp_path / "home"
    trust(home, certificates.authority)
    browser = BoundBrowser(playwright, home, _ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture
def log_in(context, live_server):
    """Return a function that gives the browser the session cookie of a user."""

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
    """Staff with all permissions."""
    return UserFactory.create(username="admin", is_staff=True, is_superuser=True)


@pytest.fixture
def viewer(live_server):
    """Staff with permission to view sessions only."""
    viewer = UserFactory.create(username="viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename="view_devicesession"))
    return viewer


@pytest.fixture
def admin_pages(page, log_in, superuser) -> AdminPages:
    """The admin, with a logged-in superuser."""
    from tests.browser.admin_pages import AdminPages  # noqa: PLC0415 - may be missing

    log_in(superuser)
    return AdminPages(page)


@pytest.fixture
def phone(ada, make_device: Callable[..., Device]) -> Device:
    """The device under test."""
    return make_device(ada)


@pytest.fixture
def laptop(ada, make_device: Callable[..., Device]) -> Device:
    """Another device of the same user."""
    return make_device(ada, "Ada's laptop", LAPTOP)


@pytest.fixture
def other_devices(ada, phone, laptop, make_device) -> Iterator[None]:
    """Other devices, which must stay logged in during the test."""
    bob = UserFactory.create(username="bob@example.org")
    other_devices = [laptop, make_device(bob, "Bob's phone")]
    assert [device.call().status for device in (phone, *other_devices)] == [200, 200, 200]
    yield
    assert [device.call().status for device in other_devices] == [200, 200]
    assert [device.try_refresh().status for device in other_devices] == [200, 200]


@pytest.fixture
def devices_page(page, log_in, ada) -> DevicesPage:
    """The devices page, right after the user's login."""
    from tests.browser.devices_page import DevicesPage  # noqa: PLC0415 - may be missing

    log_in(ada)
    return DevicesPage(page)


@pytest.fixture
def make_device(live_server):
    """Return a function that logs a user in on a device, over HTTP."""
    connection = connect(live_server.url)

    def make(user, name="Ada's phone", user_agent=PHONE) -> Device:
        device = Device(connection=connection, name=name, user_agent=user_agent)
        device.log_in(user)
        return device

    return make
