"""A front end with the JavaScript client, in tabs of one browser."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from refresh_sessions.models import DeviceSession, EventKind, SessionEvent
from tests.factories import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

LIFETIME = timedelta(seconds=4)
ME = "/who-am-i/"

PAGE = """<!doctype html><html lang="en"><title>Front end</title><script type="module">
import { createClient } from "/static/refresh_sessions/client.js";
const askIdentity = () => "%(password)s";
const transport = "%(transport)s";
window.client = createClient({ baseUrl: `/${transport}/auth`, transport, askIdentity });
window.events = [];
client.onChange((event) => events.push(event));
const failure = ({ action, code }) => ({ action, code });
window.call = (url) => client.fetch(url).then((answer) => answer.json(), failure);
</script></html>"""

READY = "() => 'call' in window"
CALL = f"call('{ME}')"


class Tabs:
    """Tabs of one browser with the client."""

    def __init__(self, context: BrowserContext, site: str, transport: str) -> None:
        self.context = context
        self._url = f"{site}/front-end/"
        text = PAGE % {"transport": transport, "password": PASSWORD}
        # The policy of the live server refuses the calls of a front end; this page has no policy.
        context.route(self._url, lambda route: route.fulfill(body=text, content_type="text/html"))

    def open(self) -> Page:
        page = self.context.new_page()
        page.goto(self._url)
        page.wait_for_function(READY)
        return page


def log_in(page: Page, user: Any) -> None:
    page.evaluate("([name, word]) => client.login(name, word)", [user.get_username(), PASSWORD])


def start(page: Page, script: str) -> None:
    """Start a call without waiting for it."""
    page.evaluate(f"() => {{ window.started = {script}; }}")


def result(page: Page) -> Any:
    return page.evaluate("window.started")


def assert_logged_in(page: Page, user: Any) -> None:
    assert page.evaluate(CALL)["user"] == str(user.pk)


def assert_one_live_token(page: Page, user: Any) -> None:
    """The browser can refresh, and no reuse was recorded."""
    page.evaluate("client.refresh()")
    assert_logged_in(page, user)
    assert DeviceSession.objects.active().for_user(user).count() == 1
    assert not SessionEvent.objects.filter(kind=EventKind.REUSE_DETECTED).exists()
