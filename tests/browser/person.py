"""The page of devices, as its owner sees it in a browser."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from playwright.sync_api import Locator, Page

from refresh_sessions.models import DeviceSession
from tests.factories import PASSWORD

PREFIX = "refresh_sessions_pages"


@dataclass
class PersonPages:
    """One tab with the page of devices in it."""

    page: Page

    def log_in(self, user) -> None:
        """By the way that leads there: the page sends strangers to the site's login."""
        self.open_list()
        self.username.fill(user.get_username())
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()

    def become_a_device(self, user, name: str = "This browser") -> str:
        """Sign this browser in to the API as well, and say what access token it got."""
        answer = self.page.request.post(
            "/auth/login/",
            data={
                "username": user.get_username(),
                "password": PASSWORD,
                "device_name": name,
            },
        )
        assert answer.status == 200, answer.text()
        return str(answer.json()["access"])

    def open_list(self) -> None:
        self.page.goto(reverse(f"{PREFIX}:session-list"))

    def open(self, session: DeviceSession, page: str) -> None:
        """Open the page that asks whether to ``end`` it, or the one to ``rename`` it."""
        self.page.goto(reverse(f"{PREFIX}:session-{page}", args=[session.pk]))

    @property
    def username(self) -> Locator:
        return self.page.locator("input[name=username]")

    @property
    def password(self) -> Locator:
        """Where the question asks for proof."""
        return self.page.get_by_label("Password")

    @property
    def names(self) -> Locator:
        """What the devices are called, this one first."""
        return self.page.get_by_role("listitem").get_by_role("heading")

    def log_out(self, name: str) -> Locator:
        """The button of one device."""
        return self.page.get_by_role("button", name=f"Sign out {name}", exact=True)

    def rename(self, name: str) -> Locator:
        return self.page.get_by_role("link", name=f"Rename {name}", exact=True)

    @property
    def sign_out_everywhere_else(self) -> Locator:
        return self.page.get_by_role("button", name="Sign out everywhere else")

    @property
    def answer(self) -> Locator:
        """The button of a question."""
        return self.page.locator("main form button[type=submit]")

    @property
    def cancel(self) -> Locator:
        return self.page.get_by_role("link", name="Cancel")

    @property
    def message(self) -> Locator:
        return self.page.get_by_role("status")
