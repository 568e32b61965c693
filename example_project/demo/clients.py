"""The clients of the story: devices that hold tokens, and a browser in the admin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any

from example_project.demo.http import Answer, Request
from example_project.demo.stage import Stage


@dataclass(kw_only=True)
class Device:
    """A client program as it should be written: it knows two tokens and when to replace them."""

    name: str
    stage: Stage
    access: str = ""
    refresh: str = ""
    access_expires_at: str = ""
    session: Mapping[str, Any] = field(default_factory=dict)

    def sign_in(self, *, username: str, password: str, **more: Any) -> Answer:
        """Exchange a password for the first tokens."""
        credentials = {"username": username, "password": password}
        data = {**credentials, "device_name": self.name, **more}
        request = Request(method="POST", path="/auth/login/", data=data, user_agent=self.name)
        answer = self.stage.ask(self.name, request)
        self.keep(answer)
        self.session = answer.json.get("session", {})
        return answer

    def call(self) -> Answer:
        """Call the API with the access token."""
        return self.stage.ask(self.name, self.call_request())

    def renew(self) -> Answer:
        """Exchange the refresh token."""
        answer = self.stage.ask(self.name, self.refresh_request())
        self.keep(answer)
        return answer

    def keep(self, answer: Answer) -> None:
        """Store what the answer brings, and keep the rest.

        An answer without ``refresh`` means: go on with the one you have.
        """
        self.access = answer.json.get("access", self.access)
        self.access_expires_at = answer.json.get("access_expires_at", self.access_expires_at)
        self.refresh = answer.json.get("refresh", self.refresh)

    def call_request(self, path: str = "/api/me/", access: str = "") -> Request:
        """A call with the access token of this device, or another one."""
        token = access or self.access
        return Request(method="GET", path=path, access=token, user_agent=self.name)

    def confirm(self, *, password: str) -> Answer:
        """Prove once more who the user is."""
        answer = self.stage.ask(
            self.name, self.post_request("/auth/reauthenticate/", {"password": password})
        )
        self.keep(answer)
        return answer

    def transfer(self, *, access: str = "") -> Answer:
        """Do something sensitive, with the access token of this device or another one."""
        order = {"to": "Grace", "amount": "100.00"}
        request = self.post_request("/api/transfer/", order, access=access)
        return self.stage.ask(self.name, request)

    def post_request(self, path: str, data: Mapping[str, Any], access: str = "") -> Request:
        """A call that carries data."""
        token = access or self.access
        return Request(method="POST", path=path, data=data, access=token, user_agent=self.name)

    def refresh_request(self) -> Request:
        """A refresh with the token that this device holds."""
        return refresh_request(self.refresh, user_agent=self.name)


def refresh_request(token: str, *, user_agent: str) -> Request:
    """Whoever holds a refresh token can send this."""
    path = "/auth/refresh/"
    return Request(method="POST", path=path, data={"refresh": token}, user_agent=user_agent)


def moment(text: object) -> datetime:
    """An instant of an answer."""
    return datetime.fromisoformat(str(text))


class Browser:
    """Walks through pages with forms, as a person in the admin does."""

    def __init__(self, name: str, stage: Stage) -> None:
        self.name = name
        self._stage = stage
        self._cookies: dict[str, str] = {}

    def submit(self, path: str, **fields: str) -> Answer:
        """Open a page and send its form, with what the person fills in."""
        page = self._ask(Request(method="GET", path=path, cookies=self._cookies))
        data = {**_hidden_fields(page.text), **fields}
        return self._ask(
            Request(method="POST", path=path, data=data, sent_as="form", cookies=self._cookies)
        )

    def _ask(self, request: Request) -> Answer:
        answer = self._stage.ask(self.name, request)
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
