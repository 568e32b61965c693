"""``SessionAuth``: the authentication of httpx clients with the tokens of a device session."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from functools import partial
from typing import Final

import httpx

from refresh_sessions.client.answers import ENDED, TOKEN_REFUSED, read_challenge, session_ended
from refresh_sessions.client.calls import SessionCalls
from refresh_sessions.client.endpoints import Endpoints, get_origin, open_default_client
from refresh_sessions.client.retry import RetryPolicy
from refresh_sessions.client.storage import MemoryStorage, Storage
from refresh_sessions.client.token_source import Callback, Renewal, SecondFactor, TokenSource
from refresh_sessions.redaction import hide

_MAX_REPETITIONS: Final = 3


class SessionAuth(SessionCalls, httpx.Auth):
    """Authentication for ``httpx.Client`` and ``httpx.AsyncClient``.

    It logs in if the storage has no tokens, refreshes before the access token expires and after
    the server has refused it, and repeats the refused request once. Threads, tasks and processes
    with one storage refresh once together. The token is sent to the origin of ``base_url`` only.
    """

    def __init__(  # noqa: PLR0913 - all but one are named, and most callers give three
        self,
        base_url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        credentials: Callback | None = None,
        second_factor: SecondFactor | None = None,
        reauthentication: Callback | None = None,
        storage: Storage | None = None,
        origins: Iterable[str] = (),
        field_names: Mapping[str, str] | None = None,
        timeout: float = 3.0,
        retry: RetryPolicy | None = None,
        open_client: Callable[[], httpx.Client] = open_default_client,
    ) -> None:
        """Describe the server and the account; nothing is sent yet.

        Args:
            base_url: where the project includes ``refresh_sessions.urls``.
            username: the user name, for automatic logins.
            password: the password, for automatic logins.
            credentials: returns the fields of a login, instead of ``username`` and ``password``.
            second_factor: receives the names of methods, and returns the fields of one of them.
            reauthentication: returns the factors of a re-authentication.
            storage: where the tokens are kept; by default in memory.
            origins: further origins to which the access token may be sent.
            field_names: ``FIELD_NAMES`` of the server.
            timeout: the seconds for each step of a refresh; less than a third of the server's
                ``ROTATION_OVERLAP``.
            retry: how long one operation tries.
            open_client: returns a new client for the requests to ``base_url``, such as one with a
                proxy. Each operation closes its client.

        """
        if username is not None or password is not None:
            if credentials is not None or not username or password is None:
                raise ValueError("Give both username and password, or credentials alone.")
            name, secret = username, hide(password)
            credentials = lambda: {"username": name, "password": secret}  # noqa: E731
        endpoints = Endpoints(
            base_url, field_names=field_names or {}, timeout=timeout, open_client=open_client
        )
        source = TokenSource(
            endpoints,
            MemoryStorage() if storage is None else storage,
            credentials=credentials,
            second_factor=second_factor,
            reauthentication=reauthentication,
            retry=retry or RetryPolicy(),
        )
        super().__init__(source)
        urls = (endpoints.base_url, *origins)
        self._origins = frozenset(get_origin(httpx.URL(url)) for url in urls)

    def __repr__(self) -> str:
        source = self._source
        return f"SessionAuth({source.endpoints.base_url!r}, storage={source.storage!r})"

    def covers(self, url: httpx.URL) -> bool:
        """Whether the access token may be sent to the URL."""
        return get_origin(url) in self._origins

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with an access token, and repeat it if the token is refused."""
        if not self.covers(request.url):
            yield request
            return
        call = _Call(self, request)
        call.sign(self.access_token())
        while True:
            response = yield request
            if not call.may_renew(response):
                return
            response.read()
            renew = call.choose_renewal(response)
            if renew is None or not call.repeats(renew()):
                return

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Async twin of ``sync_auth_flow``."""
        if not self.covers(request.url):
            yield request
            return
        call = _Call(self, request)
        tokens = self._source.current()
        call.sign(tokens.access if tokens else await self.aaccess_token())
        while True:
            response = yield request
            if not call.may_renew(response):
                return
            await response.aread()
            renew = call.choose_renewal(response)
            if renew is None or not call.repeats(await self._renew_in_thread(renew)):
                return


class _Call:
    """One request, and what was done after refusals of its access token."""

    def __init__(self, auth: SessionAuth, request: httpx.Request) -> None:
        self._auth, self._source, self._request = auth, auth._source, request  # noqa: SLF001
        self._access = ""
        self._done: set[str] = set()
        self._kind = ""
        self._repetitions = 0

    def sign(self, access: str) -> None:
        """Set the access token of the request."""
        self._access = access
        self._request.headers["Authorization"] = f"Bearer {access}"

    def may_renew(self, response: httpx.Response) -> bool:
        """Whether the server, and not the target of a redirect, has refused the token."""
        refused = response.status_code == httpx.codes.UNAUTHORIZED
        return refused and self._auth.covers(response.request.url)

    def choose_renewal(self, response: httpx.Response) -> Callable[[], Renewal] | None:
        """What gives a token for which the request can be repeated; None if nothing does."""
        code = read_challenge(response)
        renewals: dict[str, Callable[[], Renewal]] = {
            TOKEN_REFUSED: partial(self._source.obtain, self._access),
            "reauthentication_required": partial(self._source.reauthenticate, self._access),
        }
        if code in ENDED and code not in renewals:
            error = session_ended(code, response.status_code)
            renewals[code] = partial(self._source.replace_session, self._access, error)
        self._kind = code
        if code in self._done or self._repetitions >= _MAX_REPETITIONS:
            return None
        return renewals.get(code)

    def repeats(self, renewal: Renewal) -> bool:
        """Sign the request with the new token; False if its body cannot be sent again."""
        self._repetitions += 1
        if not renewal.adopted:
            self._done.add(self._kind)
        self.sign(renewal.tokens.access)
        return isinstance(self._request.stream, httpx.ByteStream)
