"""Token source: log in, refresh, re-authenticate and log out, one thread or process at a time."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from anyio import from_thread

from refresh_sessions.client import endpoints as paths
from refresh_sessions.client.answers import TOKEN_REFUSED, Answer, reauthentication_required
from refresh_sessions.client.endpoints import Endpoints
from refresh_sessions.client.errors import (
    LoginRequiredError,
    StorageError,
    TransientError,
    UnexpectedAnswerError,
)
from refresh_sessions.client.retry import Pace, RetryPolicy
from refresh_sessions.client.storage import Storage, ThreadLock
from refresh_sessions.client.tokens import Tokens
from refresh_sessions.redaction import hide_items

Fields = Mapping[str, Any]
"""Fields of a request body."""

Callback = Callable[[], Fields | Awaitable[Fields]]
SecondFactor = Callable[[list[str]], Fields | Awaitable[Fields]]

PACED: Final = (paths.LOGIN, paths.VERIFY, paths.REFRESH, paths.LOGOUT, paths.REAUTHENTICATE)

LOCK_TIMEOUT: Final = 90.0
"""Longer than the longest operation of the process that has the lock."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """The access token to use now."""

    tokens: Tokens
    adopted: bool
    """Another thread or process has stored it; this one has sent no request."""


class TokenSource:
    """The tokens of one storage, renewed under its lock."""

    def __init__(
        self,
        endpoints: Endpoints,
        storage: Storage,
        *,
        credentials: Callback | None,
        second_factor: SecondFactor | None,
        reauthentication: Callback | None,
        retry: RetryPolicy,
    ) -> None:
        self.endpoints, self.storage = endpoints, storage
        self._credentials, self._second_factor = credentials, second_factor
        self._reauthentication = reauthentication
        self._policy = retry
        self._paces = {path: Pace(retry) for path in PACED}
        self._asking = ThreadLock()
        self._cached: Tokens | None = None
        self._unsaved: tuple[Tokens, Tokens] | None = None
        """Tokens that the storage did not accept, behind the tokens that they replace."""
        self._refused_credentials: Fields | None = None

    def current(self) -> Tokens | None:
        """The tokens as this process knows them, if they need no refresh; reads no storage."""
        tokens = self._cached
        return tokens if tokens is not None and tokens.is_fresh() else None

    def obtain(self, refused: str | None = None) -> Renewal:
        """Tokens with another access token than ``refused``: stored, refreshed, or of a login."""
        stored = self._cached = self._load_unlocked()
        usable = stored if stored and stored.access != refused else None
        if usable and usable.is_fresh():
            return Renewal(usable, adopted=True)
        if usable and usable.is_expired():
            usable = None
        try:
            # While the access token is valid, another process that refreshes it is not waited for.
            with self._locked(0 if usable else LOCK_TIMEOUT):
                return self._keep(self._renew(refused))
        except (TransientError, UnexpectedAnswerError):
            if usable:
                return Renewal(usable, adopted=True)
            raise

    def refresh(self) -> Tokens:
        """Refresh now."""
        with self._locked():
            tokens = self._load()
            renewal = self._exchange(tokens) if tokens else self._start_session(None)
            return self._keep(renewal).tokens

    def log_in(self, credentials: Fields | None = None) -> Tokens:
        """Start a new session; its tokens replace the stored ones."""
        with self._locked():
            self._refused_credentials = None
            return self._keep(self._start_session(credentials)).tokens

    def replace_session(self, refused: str, error: LoginRequiredError) -> Renewal:
        """Start a new session after the server has ended that of the access token."""
        with self._locked():
            tokens = self._load()
            if tokens is not None and tokens.access != refused:
                return self._keep(Renewal(tokens, adopted=True))
            return self._keep(self._replace(tokens, error))

    def log_out(self) -> None:
        """Revoke the session and delete the tokens."""
        with self._locked():
            tokens = self._load()
            if tokens is not None:
                body = {self.endpoints.name("refresh"): tokens.refresh}
                answer = self._send(paths.LOGOUT, body, companion=tokens.companion)
                # The session may have ended before.
                with suppress(LoginRequiredError):
                    answer.raise_for_refusal()
                stored = self.storage.load()
                if stored is not None and stored.refresh == tokens.refresh:
                    self.storage.clear()
            self._cached = None

    def reauthenticate(self, refused: str | None = None, factors: Fields | None = None) -> Renewal:
        """Verify the identity of the user once more, unless another thread has just done it."""
        with entered(self._asking.hold(LOCK_TIMEOUT)):
            if refused and (adopted := self._adopt(refused)):
                return adopted
            # A callback may wait for a user; the storage stays unlocked.
            if factors is None and self._reauthentication is not None:
                factors = call(self._reauthentication)
            if factors is None:
                raise reauthentication_required()
            with self._locked():
                tokens = self._load() or self._start_session(None).tokens
                return self._keep(self._verify(tokens, hide_items(factors)))

    def _adopt(self, refused: str) -> Renewal | None:
        stored = self._load_unlocked()
        if stored is None or stored.access == refused:
            return None
        return self._keep(Renewal(stored, adopted=True))

    def _keep(self, renewal: Renewal) -> Renewal:
        self._cached = renewal.tokens
        return renewal

    def _renew(self, refused: str | None) -> Renewal:
        tokens = self._load()
        if tokens is None:
            return self._start_session(None)
        usable = tokens.access != refused and not tokens.is_expired()
        if usable and tokens.is_fresh():
            return Renewal(tokens, adopted=True)
        try:
            return self._exchange(tokens, patient=not usable)
        except (TransientError, UnexpectedAnswerError):
            if usable:
                return Renewal(tokens, adopted=True)
            raise

    def _exchange(self, tokens: Tokens, *, patient: bool = True) -> Renewal:
        """Exchange the refresh token.

        The server remembers what it has issued: a lost answer is repeated with the same token.
        """
        # Processes share the rate through the storage.
        age = tokens.age
        pause = self._policy.min_interval - age if 0 <= age < self._policy.min_interval else 0.0

        def attempt() -> Renewal:
            stored = self.storage.load()
            if stored is None or stored.refresh != tokens.refresh:
                return Renewal(_require_stored(stored), adopted=True)
            self.storage.check_writable()
            body = {self.endpoints.name("refresh"): tokens.refresh}
            answer = self.endpoints.request(
                "POST", paths.REFRESH, body, companion=tokens.companion
            )
            return self._store(tokens, self.endpoints.read_renewal(answer, tokens))

        try:
            return self._paces[paths.REFRESH].run(attempt, patient=patient, first_pause=pause)
        except LoginRequiredError as error:
            return self._replace(tokens, error)

    def _read_credentials(self, given: Fields | None) -> Fields:
        """The fields of a login: the given ones, completed with the configured ones."""
        fields = dict(given or {})
        if "username" not in fields and self._credentials is not None:
            fields = {**call(self._credentials), **fields}
        if not fields:
            raise LoginRequiredError(
                "There are no tokens in the storage. Log in: call login(username, password).",
                code="not_logged_in",
            )
        return hide_items(fields)

    def _start_session(self, given: Fields | None) -> Renewal:
        credentials = self._read_credentials(given)
        if credentials == self._refused_credentials:
            raise LoginRequiredError(
                "The server has refused these credentials before. Correct them, or call login().",
                code="no_active_account",
            )
        self.storage.check_writable()
        body = {self.endpoints.name(name): value for name, value in credentials.items()}
        answer = self._send(paths.LOGIN, body)
        if answer.code == "mfa_required" and self._second_factor is not None:
            answer = self._verify_second_factor(answer, credentials)
        try:
            tokens = self.endpoints.read_login(answer)
        except LoginRequiredError:
            self._refused_credentials = credentials
            raise
        self.storage.save(tokens)
        self._unsaved = None
        return Renewal(tokens, adopted=False)

    def _verify_second_factor(self, answer: Answer, credentials: Fields) -> Answer:
        offered = answer.json.get("methods") or ()
        methods = [str(one["name"]) for one in offered if isinstance(one, dict) and "name" in one]
        ask = self._second_factor
        assert ask is not None  # noqa: S101
        name = self.endpoints.name("device_name")
        kept = {name: credentials["device_name"]} if "device_name" in credentials else {}
        body = {**kept, **call(lambda: ask(methods)), "ticket": answer.json.get("ticket")}
        return self._send(paths.VERIFY, hide_items(body))

    def _verify(self, tokens: Tokens, factors: Fields) -> Renewal:
        self.storage.check_writable()
        answer = self._send(paths.REAUTHENTICATE, factors, access=tokens.access)
        if answer.code == TOKEN_REFUSED:
            tokens = self._exchange(tokens).tokens
            answer = self._send(paths.REAUTHENTICATE, factors, access=tokens.access)
        return self._store(tokens, self.endpoints.read_renewal(answer, tokens))

    def _replace(self, tokens: Tokens | None, error: LoginRequiredError) -> Renewal:
        """Start a new session if there are credentials; otherwise raise ``error``.

        The tokens of a login elsewhere are used instead.
        """
        stored = self._load_unlocked()
        if tokens is not None and stored is not None and stored.refresh != tokens.refresh:
            return Renewal(stored, adopted=True)
        if stored is not None:
            self.storage.clear()
        self._cached = None
        if self._credentials is None:
            raise error
        return self._start_session(None)

    def _store(self, sent: Tokens, received: Tokens) -> Renewal:
        """Save an answer, unless another process has logged in or out since the request."""
        stored = self.storage.load()
        if stored is None or stored.refresh != sent.refresh:
            return Renewal(_require_stored(stored), adopted=True)
        try:
            self.storage.save(received)
        except Exception:
            # The next operation saves them: the server would count another refresh as a retry.
            self._unsaved = (sent, received)
            raise
        return Renewal(received, adopted=False)

    def _send(self, path: str, body: Fields, *, access: str = "", companion: str = "") -> Answer:
        """Send a request, and repeat it after a transient error."""
        return self._paces[path].run(
            lambda: self.endpoints.request("POST", path, body, access=access, companion=companion)
        )

    def _load(self) -> Tokens | None:
        """Read the storage under its lock."""
        stored = self._load_unlocked()
        if self._unsaved is not None:
            sent, received = self._unsaved
            if stored is not None and stored.refresh == sent.refresh:
                self.storage.save(received)
                stored = received
            self._unsaved = None
        return stored

    def _load_unlocked(self) -> Tokens | None:
        stored = self.storage.load()
        if stored is not None and stored.base_url != self.endpoints.base_url:
            raise StorageError(
                f"{self.storage!r} contains tokens of {stored.base_url}, not of "
                f"{self.endpoints.base_url}. Give each server its own storage.",
                code="storage_of_another_server",
            )
        return stored

    def _locked(self, timeout: float = LOCK_TIMEOUT) -> AbstractContextManager[None]:
        return entered(self.storage.lock(timeout))


@contextmanager
def entered(lock: AbstractContextManager[object]) -> Iterator[None]:
    """Hold a lock; a ``TransientError`` tells that it was not free in time."""
    with ExitStack() as stack:
        try:
            stack.enter_context(lock)
        except TimeoutError as error:
            raise TransientError(
                "Another thread or process has the lock of the tokens for too long. Try again; if "
                "that does not help, find out which process waits.",
                code="storage_locked",
            ) from error
        yield


def call(callback: Callable[[], Fields | Awaitable[Fields]]) -> Fields:
    """Call a callback, which may be a coroutine function if the caller is async."""
    result = callback()
    if isinstance(result, Mapping):
        return result
    if inspect.iscoroutine(result):
        try:
            # An error outside of anyio's worker threads.
            from_thread.check_cancelled()
        except RuntimeError:
            result.close()
            raise TypeError("A synchronous request needs a synchronous callback.") from None
    return from_thread.run(_wait, result)


async def _wait(result: Awaitable[Fields]) -> Fields:
    return await result


def _require_stored(stored: Tokens | None) -> Tokens:
    """The tokens that another process has stored during a request."""
    if stored is None:
        raise LoginRequiredError(
            "Another process has logged out, or deleted the tokens. Log in again.",
            code="logged_out",
        )
    return stored
