"""A subject: a package, the settings of a project that uses it, and the calls of its clients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib import metadata
from typing import Any, ClassVar, Final

from benchmarks.compare.calls import Answer, Call, Tokens, bearer, get

PASSWORD = "correct horse battery staple"  # noqa: S105  (of made-up users)

LONG_AGO: Final = datetime.now(UTC) - timedelta(days=400)
"""When the sessions expired that a prune command deletes."""

BATCH: Final = 5000
"""Rows of one INSERT."""


class Subject:
    """Base of all subjects. A subject can be imported without the package that it is about."""

    name: ClassVar[str]
    title: ClassVar[str]
    notes: ClassVar[str] = ""
    """Settings and endpoints, for the page."""
    distribution: ClassVar[str | None] = None
    """The distribution on PyPI, if it is another than Django or this package."""
    apps: ClassVar[Sequence[str]] = ()
    middleware: ClassVar[Sequence[str]] = ()
    settings: ClassVar[Mapping[str, Any]] = {}
    authentication: ClassVar[str]
    """The authentication class of the API's own view."""

    def django_settings(self) -> Mapping[str, Any]:
        """Settings of the project beside those of every subject."""
        return self.settings

    def settings_for_refresh_chains(self) -> Mapping[str, Any]:
        """Settings with which a client can refresh many times within a second."""
        return {}

    def missing(self) -> str | None:
        """Why the subject cannot run here, or None."""
        if self.distribution is None:
            return None
        try:
            metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return f"{self.distribution} is not installed"
        return None

    def version(self) -> str:
        """Name and version of the distribution, for the page."""
        name = self.distribution or "django"
        return f"{name} {metadata.version(name)}"

    def urlpatterns(self) -> list[Any]:
        """The endpoints of the package."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Create what an administrator creates once, for example an OAuth application."""

    def started(self, tokens: Sequence[Tokens]) -> None:
        """Called after a batch of logins, outside of the measurement."""

    def login(self, username: str) -> Call:
        raise NotImplementedError

    def read_login(self, answer: Answer) -> Tokens:
        """What the client stores after a login."""
        data = answer.json()
        return Tokens(data["access"], data.get("refresh"))

    def request(self, tokens: Tokens) -> Call:
        """A request to the API's own view."""
        return get("/protected/", bearer(tokens.access))

    def refresh(self, tokens: Tokens) -> Call | None:
        """None: the package has no refresh."""
        return None

    def read_refresh(self, tokens: Tokens, answer: Answer) -> Tokens:
        """What the client stores after a refresh: without a new refresh token, the old one."""
        new = self.read_login(answer)
        return Tokens(new.access, new.refresh or tokens.refresh, {**tokens.other, **new.other})

    def logout(self, tokens: Tokens) -> Call | None:
        """None: the package has no logout."""
        return None

    def succeeded(self, operation: str, answer: Answer) -> bool:
        """Whether the operation did what it is for."""
        return answer.successful

    prune_command: ClassVar[str | None] = None
    """The management command that deletes expired rows."""

    def add_expired_sessions(self, users: Sequence[int], refreshes: int) -> None:
        """Insert one expired session per user, each with the rows of so many refreshes."""
        raise NotImplementedError
