"""A device that is signed in, and talks to the server over HTTP as apps do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from example_project.demo.http import Answer, Request, Wire
from tests.factories import PASSWORD

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1"
)
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


@dataclass
class Device:
    """Holds the tokens that it got at sign-in."""

    wire: Wire
    name: str
    user_agent: str
    access: str = ""
    refresh: str = ""

    def sign_in(self, user: Any) -> None:
        answer = self._post(
            "/auth/login/",
            {"username": user.get_username(), "password": PASSWORD, "device_name": self.name},
        )
        assert answer.status == 200, answer
        self.access, self.refresh = answer.json["access"], answer.json["refresh"]

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


def wire_to(url: str) -> Wire:
    """The way to the server at this address."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return Wire(parts.hostname, parts.port)
