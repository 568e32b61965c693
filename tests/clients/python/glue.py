"""Application code around a client, like ``javascript/glue.mjs``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from threading import Lock
from typing import Any

from requests.cookies import RequestsCookieJar

Tokens = Mapping[str, Any]


@dataclass(frozen=True)
class Style:
    """How an application stores tokens and when it logs the user out."""

    refresh: Callable[[Tokens, str], str | None]
    """Returns the token to store, from the answer and the sent token."""
    gives_up: Callable[[int | None], bool]
    """Whether a failure with this status logs the user out; None is a lost answer."""
    keeps_stored: bool = False
    """Whether the stored token remains if the answer has none."""


STYLES = {
    "docs": Style(
        lambda answer, sent: answer.get("refresh"),
        lambda status: status in {401, 403},
        keeps_stored=True,
    ),
    "typical": Style(
        lambda answer, sent: answer.get("refresh", sent), lambda status: status == 401
    ),
    "naive": Style(lambda answer, sent: answer.get("refresh"), lambda status: True),
}


NO_COOKIES = DefaultCookiePolicy(allowed_domains=[])


class Storage:
    """Storage that the processes of one application share."""

    def __init__(self, *, jar: bool) -> None:
        self.cookies = RequestsCookieJar(None if jar else NO_COOKIES)
        self.access: str | None = None
        self.refresh: str | None = None
        self.signed_out = False


class RefreshFailedError(Exception):
    """The server refused, or its answer was lost: then ``status`` is None."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"refresh: {status or 'no answer'}")
        self.status = status


@dataclass
class Glue:
    """Application code of one tab."""

    style: Style
    storage: Storage
    lock: Lock

    @property
    def authorization(self) -> str:
        return f"Bearer {self.storage.access}"

    def sent(self) -> str:
        """Return the stored token.

        Raises:
            RefreshFailedError: the user is logged out.

        """
        if self.storage.signed_out:
            raise RefreshFailedError(None)
        # A template formats None as text, too.
        return str(self.storage.refresh)

    def keep(self, answer: Tokens, sent: str) -> None:
        with self.lock:
            self.storage.access = answer["access"]
            refresh = self.style.refresh(answer, sent)
            if refresh is not None or not self.style.keeps_stored:
                self.storage.refresh = refresh

    def fail(self, status: int | None) -> None:
        if self.style.gives_up(status):
            self.storage.signed_out = True
            self.storage.access = self.storage.refresh = None
