"""A device that is signed in, and talks to the server over HTTP as apps do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from example_project.demo.http import Answer, HTTPClient, Request
from refresh_sessions.models import DeviceSession
from tests.factories import PASSWORD

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1"
)
BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/148.0.0.0 Safari/537.36"
)
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


@dataclass
class Device:
    """Holds the tokens that it got at sign-in."""

    wire: HTTPClient
    name: str
    user_agent: str
    access: str = ""
    refresh: str = ""
    session_id: str = ""

    def log_in(self, user: Any) -> None:
        answer = self._post(
            "/auth/login/",
            {"username": user.get_username(), "password": PASSWORD, "device_name": self.name},
        )
        assert answer.status == 200, answer
        self.access, self.refresh = answer.json["access"], answer.json["refresh"]
        self.session_id = answer.json["session"]["id"]

    @property
    def session(self) -> DeviceSession:
        """What the database knows of it now."""
        return DeviceSession.objects.get(pk=self.session_id)

    def call(self) -> Answer:
        """Ask for something of the project's."""
        return self.wire.exchange(
            Request(
                method="GET", path="/who-am-i/", access=self.access, user_agent=self.user_agent
            )
        )

    def try_refresh(self) -> Answer:
        """Present the refresh token from sign-in."""
        return self._post("/auth/refresh/", {"refresh": self.refresh})

    def _post(self, path: str, data: dict[str, str]) -> Answer:
        return self.wire.exchange(
            Request(method="POST", path=path, data=data, user_agent=self.user_agent)
        )


def assert_signed_out(device: Device, reason: str, *, by: Any) -> None:
    """Its next call and its next refresh are refused, and the session says why and by whom."""
    answers = [device.call(), device.try_refresh()]
    assert [(it.status, it.json["code"]) for it in answers] == [(401, "session_revoked")] * 2
    session = device.session
    assert (session.revoked_reason, session.revoked_by) == (reason, by)


def wire_to(url: str) -> HTTPClient:
    """The way to the server at this address."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return HTTPClient(parts.hostname, parts.port)
