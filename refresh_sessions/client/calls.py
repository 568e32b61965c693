"""Explicit calls of the endpoints: log in and out, refresh, re-authenticate, own sessions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast
from urllib.parse import quote

import anyio
import httpx
from anyio.lowlevel import RunVar

from refresh_sessions.client import endpoints as paths
from refresh_sessions.client.errors import UnexpectedAnswerError
from refresh_sessions.client.token_source import TokenSource
from refresh_sessions.redaction import hide_items

_Result = TypeVar("_Result")

Session = dict[str, Any]
"""One item of the list of sessions, as the server describes it."""


class SessionCalls:
    """Calls of the endpoints, each with an async twin that has the prefix ``a``.

    An async twin runs in a worker thread. If its task is cancelled, the thread completes the call
    and stores the tokens.
    """

    def __init__(self, source: TokenSource) -> None:
        self._source = source
        # One thread per event loop renews tokens; the other tasks wait without a thread.
        self._limiters: RunVar[anyio.CapacityLimiter] = RunVar("refresh_sessions.client")

    def login(
        self, username: str | None = None, password: str | None = None, **fields: Any
    ) -> None:
        """Start a new session, whose tokens replace the stored ones.

        Args:
            username: the user name; without it, the configured credentials are used.
            password: the password.
            fields: further fields of the server's login serializer.

        """
        given = {"username": username, "password": password, **fields}
        sent = hide_items({name: value for name, value in given.items() if value is not None})
        self._source.log_in(sent or None)

    async def alogin(
        self, username: str | None = None, password: str | None = None, **fields: Any
    ) -> None:
        """Async twin of ``login``."""
        await self._renew_in_thread(partial(self.login, username, password, **fields))

    def logout(self) -> None:
        """Revoke the session and delete the tokens; without tokens, do nothing."""
        self._source.log_out()

    async def alogout(self) -> None:
        """Async twin of ``logout``."""
        await self._renew_in_thread(self.logout)

    def refresh(self) -> None:
        """Refresh now, also if the access token is still valid."""
        self._source.refresh()

    async def arefresh(self) -> None:
        """Async twin of ``refresh``."""
        await self._renew_in_thread(self.refresh)

    def reauthenticate(self, **factors: Any) -> None:
        """Verify the identity of the user once more: ``reauthenticate(password="...")``.

        Without arguments, the callback ``reauthentication`` supplies the factors.
        """
        self._source.reauthenticate(factors=hide_items(factors) or None)

    async def areauthenticate(self, **factors: Any) -> None:
        """Async twin of ``reauthenticate``."""
        await self._renew_in_thread(partial(self.reauthenticate, **factors))

    def access_token(self) -> str:
        """A valid access token, for a protocol other than HTTP; log in or refresh if needed."""
        return (self._source.current() or self._source.obtain().tokens).access

    async def aaccess_token(self) -> str:
        """Async twin of ``access_token``."""
        return await self._renew_in_thread(self.access_token)

    def sessions(self) -> list[Session]:
        """The active sessions of the user, the current one first."""
        return cast("list[Session]", self._call("GET", paths.SESSIONS, expect=list))

    async def asessions(self) -> list[Session]:
        """Async twin of ``sessions``."""
        return await in_thread(self.sessions)

    def rename_session(self, session_id: str, name: str) -> Session:
        """Rename a session of the user."""
        path = _session_path(session_id)
        return cast("Session", self._call("PATCH", path, {"name": name}, expect=dict))

    async def arename_session(self, session_id: str, name: str) -> Session:
        """Async twin of ``rename_session``."""
        return await in_thread(partial(self.rename_session, session_id, name))

    def revoke_session(self, session_id: str) -> None:
        """Revoke a session of the user. Another device needs a recent re-authentication."""
        self._call("DELETE", _session_path(session_id))

    async def arevoke_session(self, session_id: str) -> None:
        """Async twin of ``revoke_session``."""
        await in_thread(partial(self.revoke_session, session_id))

    def revoke_other_sessions(self) -> int:
        """Revoke all sessions but this one; return their number."""
        return self._revoke("sessions/revoke-others/")

    async def arevoke_other_sessions(self) -> int:
        """Async twin of ``revoke_other_sessions``."""
        return await in_thread(self.revoke_other_sessions)

    def revoke_all_sessions(self) -> int:
        """Revoke all sessions, this one included; return their number."""
        return self._revoke("sessions/revoke-all/")

    async def arevoke_all_sessions(self) -> int:
        """Async twin of ``revoke_all_sessions``."""
        return await in_thread(self.revoke_all_sessions)

    def _revoke(self, path: str) -> int:
        return int(self._call("POST", path, {}, expect=dict).get("revoked", 0))

    def _call(
        self, method: str, path: str, body: Session | None = None, *, expect: type | None = None
    ) -> Any:
        """Call an endpoint with the access token, and read a body of the expected type."""
        auth = cast("httpx.Auth", self)
        answer = self._source.endpoints.request(method, path, body, auth=auth)
        answer.raise_for_refusal()
        if expect is not None and not isinstance(answer.json, expect):
            raise UnexpectedAnswerError(
                f"The answer of {path} is not the expected JSON. Compare base_url with the URLs "
                "of the server.",
                code="not_json",
                status=answer.status,
            )
        return answer.json

    async def _renew_in_thread(self, renew: Callable[[], _Result]) -> _Result:
        limiter = self._limiters.get(None)
        if limiter is None:
            limiter = anyio.CapacityLimiter(1)
            self._limiters.set(limiter)
        return await in_thread(renew, limiter)


async def in_thread(
    function: Callable[[], _Result], limiter: anyio.CapacityLimiter | None = None
) -> _Result:
    """Run a call in a worker thread, which ends by itself if the task is cancelled."""
    return await anyio.to_thread.run_sync(function, abandon_on_cancel=True, limiter=limiter)


def _session_path(session_id: str) -> str:
    return f"{paths.SESSIONS}{quote(str(session_id), safe='')}/"
