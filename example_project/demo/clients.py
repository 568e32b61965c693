"""The clients of the scenario: devices with tokens, and a browser in the admin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any

from example_project.demo.http import Answer, Request
from example_project.demo.runner import Runner


@dataclass(kw_only=True)
class Device:
    """A model client: it stores two tokens and replaces them from each response."""

    name: str
    runner: Runner
    access: str = ""
    refresh: str = ""
    access_expires_at: str = ""
    session: Mapping[str, Any] = field(default_factory=dict)

    def log_in(self, *, username: str, password: str, **more: Any) -> Answer:
        """Exchange a password for the first tokens."""
        credentials = {"username": username, "password": password}
        data = {**credentials, "device_name": self.name, **more}
        request = Request(method="POST", path="/auth/login/", data=data, user_agent=self.name)
        answer = self.runner.send(self.name, request)
        self.store(answer)
        self.session = answer.json.get("session", {})
        return answer

    def call(self) -> Answer:
        """Call the API with the access token."""
        return self.runner.send(self.name, self.call_request())

    def renew(self) -> Answer:
        """Exchange the refresh token."""
        answer = self.runner.send(self.name, self.refresh_request())
        self.store(answer)
        return answer

    def store(self, answer: Answer) -> None:
        """Store the tokens of an answer; keep the stored tokens that it lacks.

        After an answer without ``refresh`` the stored refresh token stays valid.
        """
        self.access = answer.json.get("access", self.access)
        self.access_expires_at = answer.json.get("access_expires_at", self.access_expires_at)
        self.refresh = answer.json.get("refresh", self.refresh)

    def call_request(self, path: str = "/api/me/", access: str = "") -> Request:
        """An API call with the access token of this device or a given one."""
        token = access or self.access
        return Request(method="GET", path=path, access=token, user_agent=self.name)

    def reauthenticate(self, *, password: str) -> Answer:
        """Verify the user's password once more."""
        answer = self.runner.send(
            self.name, self.post_request("/auth/reauthenticate/", {"password": password})
        )
        self.store(answer)
        return answer

    def transfer(self, *, access: str = "") -> Answer:
        """Call the sensitive action with the access token of this device or a given one."""
        order = {"to": "Grace", "amount": "100.00"}
        request = self.post_request("/api/transfer/", order, access=access)
        return self.runner.send(self.name, request)

    def post_request(self, path: str, data: Mapping[str, Any], access: str = "") -> Request:
        """An API call with a body."""
        token = access or self.access
        return Request(method="POST", path=path, data=data, access=token, user_agent=self.name)

    def refresh_request(self) -> Request:
        """A refresh with the stored token of this device."""
        return refresh_request(self.refresh, user_agent=self.name)


def refresh_request(token: str, *, user_agent: str) -> Request:
    """A refresh with any token, as the owner or an attacker can send it."""
    path = "/auth/refresh/"
    return Request(method="POST", path=path, data={"refresh": token}, user_agent=user_agent)


def parse_instant(text: object) -> datetime:
    """Parse an instant of an answer."""
    return datetime.fromisoformat(str(text))


class Browser:
    """A browser that stores cookies and submits forms of the admin."""

    def __init__(self, name: str, runner: Runner) -> None:
        self.name = name
        self._runner = runner
        self._cookies: dict[str, str] = {}

    def submit(self, path: str, **fields: str) -> Answer:
        """Open a page and submit its form with the given fields."""
        page = self._send(Request(method="GET", path=path, cookies=self._cookies))
        data = {**_hidden_fields(page.text), **fields}
        return self._send(
            Request(method="POST", path=path, data=data, sent_as="form", cookies=self._cookies)
        )

    def _send(self, request: Request) -> Answer:
        answer = self._runner.send(self.name, request)
        for name, value in answer.headers:
            if name.lower() == "set-cookie":
                cookies = SimpleCookie(value)
                self._cookies |= {key: morsel.value for key, morsel in cookies.items()}
        return answer


class _HiddenFields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        name = values.get("name")
        if tag == "input" and values.get("type") == "hidden" and name:
            self.found[name] = values.get("value") or ""


def _hidden_fields(page: str) -> dict[str, str]:
    parser = _HiddenFields()
    parser.feed(page)
    return parser.found
