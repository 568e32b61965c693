"""``SessionAuth``: the authentication of httpx clients with the tokens of a device session."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from functools import partial
from typing import Final

import httpx

from refresh_sessions.client.answers import (
    BINDING_REQUIRED,
    ENDED,
    TOKEN_REFUSED,
    read_challenge,
    session_ended,
)
from refresh_sessions.client.callbacks import Callback, SecondFactor
from refresh_sessions.client.calls import SessionCalls, in_thread
from refresh_sessions.client.endpoints import Endpoints, open_default_client
from refresh_sessions.client.keys import DPoPKey
from refresh_sessions.client.proofs import CORRECTABLE, Prover, get_origin
from refresh_sessions.client.retry import RetryPolicy
from refresh_sessions.client.storage import MemoryStorage, Storage
from refresh_sessions.client.token_source import Renewal, TokenSource
from refresh_sessions.client.tokens import Tokens
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
        dpop: str | os.PathLike[str] | DPoPKey | None = None,
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
            dpop: a key to which the server binds the session: the path of a key file, which is
                created if it is missing, or a key of the caller.
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
            base_url,
            field_names=field_names or {},
            timeout=timeout,
            open_client=open_client,
            prover=None if dpop is None else Prover(dpop),
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

    def is_bound(self) -> bool:
        """Whether the stored session is bound to the key of the argument ``dpop``."""
        return self._source.is_bound()

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with an access token, and repeat it if the token is refused."""
        if not self.covers(request.url):
            yield request
            return
        call = _Call(self, request)
        call.sign(self._source.current() or self._source.obtain().tokens)
        while True:
            response = yield call.request
            if not call.may_renew(response):
                return
            response.read()
            renew = call.choose_renewal(response)
            if renew is None or not call.accept(renewal := renew()):
                return
            call.sign(renewal.tokens)

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Async twin of ``sync_auth_flow``."""
        if not self.covers(request.url):
            yield request
            return
        call = _Call(self, request)
        tokens = self._source.current()
        if tokens is None:
            tokens = (await self._renew_in_thread(self._source.obtain)).tokens
        await self._sign_in_thread(call, tokens)
        while True:
            response = yield call.request
            if not call.may_renew(response):
                return
            await response.aread()
            renew = call.choose_renewal(response)
            if renew is None:
                return
            renewal = await self._renew_in_thread(renew)
            if not call.accept(renewal):
                return
            await self._sign_in_thread(call, renewal.tokens)

    @staticmethod
    async def _sign_in_thread(call: _Call, tokens: Tokens) -> None:
        """Sign without blocking the event loop: the key may be in a device."""
        if tokens.is_dpop:
            await in_thread(partial(call.sign, tokens))
        else:
            call.sign(tokens)


class _Call:
    """One request, and what was done after refusals of its access token."""

    def __init__(self, auth: SessionAuth, request: httpx.Request) -> None:
        self._auth, self._source, self.request = auth, auth._source, request  # noqa: SLF001
        self._prover = self._source.endpoints.prover
        self._tokens: Tokens | None = None
        self._done: set[str] = set()
        self._kind = ""
        self._repetitions = 0

    def sign(self, tokens: Tokens) -> None:
        """Set the access token of the request, and a DPoP proof if the token needs one."""
        self._tokens = tokens
        headers = self.request.headers
        headers["Authorization"] = f"{tokens.scheme} {tokens.access}"
        headers.pop("DPoP", None)
        if tokens.is_dpop and self._prover is not None:
            method, url = self.request.method, self.request.url
            headers["DPoP"] = self._prover.prove(method, url, access=tokens.access)

    def may_renew(self, response: httpx.Response) -> bool:
        """Whether the server, and not the target of a redirect, may have refused the token."""
        if not self._auth.covers(response.request.url):
            return False
        if self._prover is not None:
            self._prover.learn(response.request.url, response.headers, uncached=False)
        if response.status_code == httpx.codes.FORBIDDEN:
            # A login may give the binding that the request needs.
            return self._prover is not None and not (self._tokens and self._tokens.key)
        return response.status_code == httpx.codes.UNAUTHORIZED

    def choose_renewal(self, response: httpx.Response) -> Callable[[], Renewal] | None:
        """What gives a token for which the request can be repeated; None if nothing does."""
        code, access = read_challenge(response), self._tokens.access if self._tokens else ""
        renewals: dict[str, Callable[[], Renewal]] = {
            TOKEN_REFUSED: partial(self._source.obtain, access),
            "reauthentication_required": partial(self._source.reauthenticate, access),
        }
        if response.status_code == httpx.codes.FORBIDDEN:
            renewals = {BINDING_REQUIRED: partial(self._source.bind_session, access)}
        elif code in ENDED and code not in renewals:
            error = session_ended(code, response.status_code)
            renewals[code] = partial(self._source.replace_session, access, error)
        elif code in CORRECTABLE and self._prover is not None:
            self._prover.learn(response.request.url, response.headers, uncached=True)
            # A DPoP proof is for one URL: after a redirect, the last one is requested.
            self.request = response.request
            renewals[code] = self._source.newest
        self._kind = code
        if code in self._done or self._repetitions >= _MAX_REPETITIONS:
            return None
        return renewals.get(code)

    def accept(self, renewal: Renewal) -> bool:
        """Whether the request can be repeated with the token: its body may be sent again."""
        self._repetitions += 1
        if not renewal.adopted:
            self._done.add(self._kind)
        return isinstance(self.request.stream, httpx.ByteStream)
