"""Token source: log in, refresh, re-authenticate and log out, one thread or process at a time."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Final

from refresh_sessions.client import endpoints as paths
from refresh_sessions.client.answers import (
    BINDING_REQUIRED,
    COMPANION_MISSING,
    TOKEN_REFUSED,
    Answer,
    binding_required,
    companion_refused,
    key_lost,
    reauthentication_required,
)
from refresh_sessions.client.callbacks import Callback, Fields, SecondFactor, call
from refresh_sessions.client.endpoints import Endpoints
from refresh_sessions.client.errors import (
    LoginRequiredError,
    SessionAuthError,
    StorageError,
    TransientError,
    UnexpectedAnswerError,
)
from refresh_sessions.client.logins import Logins
from refresh_sessions.client.retry import Pace, RetryPolicy
from refresh_sessions.client.storage import Storage, ThreadLock, entered, require_stored
from refresh_sessions.client.tokens import Tokens
from refresh_sessions.redaction import hide_items

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
        self._logins = Logins(endpoints, storage, self._send, credentials, second_factor)
        self._reauthentication = reauthentication
        self._policy = retry
        self._paces = {path: Pace(retry) for path in PACED}
        self._asking = ThreadLock()
        self._cached: Tokens | None = None
        self._unsaved: tuple[Tokens, Tokens] | None = None
        """Tokens that the storage did not accept, behind the tokens that they replace."""

    def current(self) -> Tokens | None:
        """The tokens as this process knows them, if they need no refresh; reads no storage."""
        tokens = self._cached
        return tokens if tokens is not None and tokens.is_fresh() else None

    def obtain(self, refused: str | None = None) -> Renewal:
        """Tokens with another access token than ``refused``: stored, refreshed, or of a login."""
        stored = self._cached = self._load_unlocked()
        usable = stored if stored and stored.access != refused and self._has_key(stored) else None
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

    def is_bound(self) -> bool:
        """Whether the stored session is bound to the key of this client."""
        tokens = self._load_unlocked()
        return tokens is not None and tokens.key != "" and self._has_key(tokens)

    def refresh(self) -> Tokens:
        """Refresh now."""
        with self._locked():
            tokens = self._load()
            renewal = self._exchange(tokens) if tokens else self._start_session(None)
            return self._keep(renewal).tokens

    def log_in(self, credentials: Fields | None = None) -> Tokens:
        """Start a new session; its tokens replace the stored ones."""
        with self._locked():
            self._logins.forget_refusal()
            return self._keep(self._start_session(credentials)).tokens

    def replace_session(self, refused: str, error: LoginRequiredError) -> Renewal:
        """Start a new session after the server has ended that of the access token."""
        with self._locked():
            tokens = self._load()
            if tokens is not None and tokens.access != refused:
                return self._keep(Renewal(tokens, adopted=True))
            return self._keep(self._replace(tokens, error))

    def bind_session(self, refused: str) -> Renewal:
        """Replace a session without a key by one that is bound to the key."""
        with self._locked():
            tokens = self._load()
            if tokens is None:
                return self._keep(self._start_session(None))
            if tokens.access != refused:
                return self._keep(Renewal(tokens, adopted=True))
            # The tokens still serve the requests that need no binding.
            if not self._logins.are_automatic:
                raise binding_required()
            # Otherwise the old session would stay active beside the new one.
            with suppress(SessionAuthError):
                self._send_logout(tokens)
            return self._keep(self._replace(tokens, binding_required()))

    def newest(self) -> Renewal:
        """The stored tokens, for a request whose DPoP proof was refused and not its token."""
        tokens = self._load_unlocked()
        if tokens is None:
            return self.obtain()
        return self._keep(Renewal(tokens, adopted=False))

    def log_out(self) -> None:
        """Revoke the session and delete the tokens."""
        with self._locked():
            tokens = self._load()
            if tokens is not None:
                self._send_logout(tokens)
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
        usable = tokens.access != refused and not tokens.is_expired() and self._has_key(tokens)
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
        if not self._has_key(tokens):
            # The server would take the request for a theft.
            return self._replace(tokens, key_lost())
        # Processes share the rate through the storage.
        age = tokens.age
        pause = self._policy.min_interval - age if 0 <= age < self._policy.min_interval else 0.0

        def attempt() -> Renewal:
            stored = self.storage.load()
            if stored is None or stored.refresh != tokens.refresh:
                return Renewal(require_stored(stored), adopted=True)
            self.storage.check_writable()
            body = {self.endpoints.name("refresh"): tokens.refresh}
            answer = self.endpoints.request(
                "POST", paths.REFRESH, body, companion=tokens.companion
            )
            if answer.code == COMPANION_MISSING and tokens.companion:
                raise companion_refused(answer.status)
            self._require_binding(answer)
            return self._store(tokens, self.endpoints.read_renewal(answer, tokens))

        try:
            return self._paces[paths.REFRESH].run(attempt, patient=patient, first_pause=pause)
        except LoginRequiredError as error:
            return self._replace(tokens, error)

    def _start_session(self, given: Fields | None) -> Renewal:
        tokens = self._logins.start(given)
        self._unsaved = None
        return Renewal(tokens, adopted=False)

    def _verify(self, tokens: Tokens, factors: Fields) -> Renewal:
        if not self._has_key(tokens):
            tokens = self._replace(tokens, key_lost()).tokens
        self.storage.check_writable()
        answer = self._send(paths.REAUTHENTICATE, factors, access=tokens)
        if answer.code == TOKEN_REFUSED:
            tokens = self._exchange(tokens).tokens
            answer = self._send(paths.REAUTHENTICATE, factors, access=tokens)
        self._require_binding(answer)
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
        if not self._logins.are_automatic:
            raise error
        return self._start_session(None)

    def _store(self, sent: Tokens, received: Tokens) -> Renewal:
        """Save an answer, unless another process has logged in or out since the request."""
        stored = self.storage.load()
        if stored is None or stored.refresh != sent.refresh:
            return Renewal(require_stored(stored), adopted=True)
        try:
            self.storage.save(received)
        except Exception:
            # The next operation saves them: the server would count another refresh as a retry.
            self._unsaved = (sent, received)
            raise
        return Renewal(received, adopted=False)

    def _require_binding(self, answer: Answer) -> None:
        """Require a login if the session needs a key, and a login can bind it."""
        if answer.code == BINDING_REQUIRED and self.endpoints.prover is not None:
            raise binding_required()

    def _send_logout(self, tokens: Tokens) -> None:
        """Revoke the session, by its access token if its key is lost."""
        if self._has_key(tokens):
            body = {self.endpoints.name("refresh"): tokens.refresh}
            answer = self._send(paths.LOGOUT, body, companion=tokens.companion)
        elif tokens.is_dpop:
            return
        else:
            answer = self._send(paths.LOGOUT, {}, access=tokens)
        # The session may have ended before.
        with suppress(LoginRequiredError):
            answer.raise_for_refusal()

    def _has_key(self, tokens: Tokens) -> bool:
        """Whether the client has the key of the session, if it is bound to one."""
        prover = self.endpoints.prover
        return not tokens.key or (prover is not None and prover.has(tokens.key))

    def _send(
        self, path: str, body: Fields, *, access: Tokens | None = None, companion: str = ""
    ) -> Answer:
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
        if stored is not None and stored.key and self.endpoints.prover is None:
            raise StorageError(
                f"The session in {self.storage!r} is bound to a key. Give the argument dpop with "
                "the key of its login, or log in again.",
                code="key_missing",
            )
        return stored

    def _locked(self, timeout: float = LOCK_TIMEOUT) -> AbstractContextManager[None]:
        return entered(self.storage.lock(timeout))
