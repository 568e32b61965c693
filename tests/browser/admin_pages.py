"""The admin's pages of sessions in a browser."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from playwright.sync_api import Locator, Page

from refresh_sessions.models import DeviceSession
from tests.factories import PASSWORD

PREFIX = "admin:refresh_sessions_devicesession"
LIST = f"{PREFIX}_changelist"
EVENTS = "admin:refresh_sessions_sessionevent_changelist"


@dataclass
class AdminPages:
    """One tab with the admin."""

    page: Page

    def log_in(self, staff) -> None:
        """Log in with Django's own form."""
        self.page.goto(reverse("admin:login"))
        self.username.fill(staff.get_username())
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()

    def open_list(self, **query: str) -> None:
        self.page.goto(reverse(LIST, query=query))

    def open_events(self, **query: str) -> None:
        self.page.goto(reverse(EVENTS, query=query))

    def open(self, session: DeviceSession, page: str = "change") -> None:
        """Open a session's page, or the confirmation to ``revoke`` it."""
        self.page.goto(reverse(f"{PREFIX}_{page}", args=[session.pk]))

    def collapse_sidebar(self) -> None:
        """Collapse the sidebar; the admin stores the state."""
        self.page.locator("#toggle-nav-sidebar").click()

    @property
    def username(self) -> Locator:
        return self.page.locator("input[name=username]")

    @property
    def all_sessions(self) -> Locator:
        """The link to the list on the admin's index page."""
        return self.page.locator("#content").get_by_role("link", name="Device sessions").last

    @property
    def search(self) -> Locator:
        return self.page.locator("#searchbar")

    @property
    def rows(self) -> Locator:
        return self.page.locator("#result_list tbody tr")

    def row(self, session: DeviceSession) -> Locator:
        return self.rows.filter(has=self.page.locator(f"input[value='{session.pk}']"))

    def checkbox(self, session: DeviceSession) -> Locator:
        return self.row(session).get_by_role("checkbox")

    def device(self, name: str) -> Locator:
        """The link from the list to the page of a session."""
        return self.rows.get_by_role("link", name=name)

    def card(self, title: str) -> Locator:
        """The link from a number of the overview to its sessions."""
        return self.page.get_by_role("region", name="Overview").get_by_role("link", name=title)

    @property
    def figures(self) -> Locator:
        """The control that opens the daily numbers of the overview."""
        return self.page.locator(".refresh-sessions-figures summary")

    @property
    def timeline(self) -> Locator:
        """The timeline on a session's page."""
        return self.page.get_by_role("region", name="Events").get_by_role("listitem")

    @property
    def events_of_session(self) -> Locator:
        return self.page.get_by_role("link", name="All events of this session")

    @property
    def download(self) -> Locator:
        return self.page.get_by_role("link", name="Download CSV")

    @property
    def sign_user_out(self) -> Locator:
        """The button on a user's page."""
        return self.page.get_by_role("button", name="Sign out everywhere")

    @property
    def action(self) -> Locator:
        return self.page.locator("select[name=action]")

    @property
    def run(self) -> Locator:
        """The button beside the action: "Go" before Django 6.1, "Run" since."""
        return self.page.locator("button[name=index]")

    @property
    def revoke(self) -> Locator:
        """The link from a session's page to the confirmation."""
        return self.page.locator("#content").get_by_role("link", name="Revoke", exact=True)

    @property
    def yes(self) -> Locator:
        return self.page.get_by_role("button", name="Yes, revoke")

    @property
    def no(self) -> Locator:
        return self.page.get_by_role("button", name="No, take me back")

    @property
    def message(self) -> Locator:
        return self.page.locator(".messagelist")
