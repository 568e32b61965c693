"""The devices page in a browser."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from playwright.sync_api import Locator, Page

from refresh_sessions.models import DeviceSession
from tests.factories import PASSWORD

PREFIX = "refresh_sessions_pages"


@dataclass
class DevicesPage:
    """One tab with the devices page."""

    page: Page

    def log_in(self, user) -> None:
        """Log in on the site's login page, to which the devices page redirects."""
        self.open_list()
        self.username.fill(user.get_username())
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()

    def log_in_to_api(self, user, name: str = "This browser") -> str:
        """Log this browser in to the API as well; return the access token."""
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
        """Open the confirmation to ``end`` the session, or the form to ``rename`` it."""
        self.page.goto(reverse(f"{PREFIX}:session-{page}", args=[session.pk]))

    @property
    def username(self) -> Locator:
        return self.page.locator("input[name=username]")

    @property
    def password(self) -> Locator:
        """The password field of the confirmation."""
        return self.page.get_by_label("Password")

    @property
    def names(self) -> Locator:
        """The names of the devices, the current one first."""
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
        """The submit button of a form."""
        return self.page.locator("main form button[type=submit]")

    @property
    def cancel(self) -> Locator:
        return self.page.get_by_role("link", name="Cancel")

    @property
    def message(self) -> Locator:
        return self.page.get_by_role("status")
