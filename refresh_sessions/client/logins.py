"""Logins: start a session with the credentials of the caller, and with a second factor."""

from __future__ import annotations

from typing import Protocol

from refresh_sessions.client import endpoints as paths
from refresh_sessions.client.answers import Answer
from refresh_sessions.client.callbacks import Callback, Fields, SecondFactor, call
from refresh_sessions.client.endpoints import Endpoints
from refresh_sessions.client.errors import LoginRequiredError
from refresh_sessions.client.storage import Storage
from refresh_sessions.client.tokens import Tokens
from refresh_sessions.redaction import hide_items


class Send(Protocol):
    """Sends a request, and repeats it after a transient error."""

    def __call__(self, path: str, body: Fields, /) -> Answer: ...


class Logins:
    """Logs in under the lock of the storage, and never twice with refused credentials."""

    def __init__(
        self,
        endpoints: Endpoints,
        storage: Storage,
        send: Send,
        credentials: Callback | None,
        second_factor: SecondFactor | None,
    ) -> None:
        self._endpoints, self._storage, self._send = endpoints, storage, send
        self._credentials, self._second_factor = credentials, second_factor
        self._refused: Fields | None = None

    @property
    def are_automatic(self) -> bool:
        """Whether a login needs no fields of the caller."""
        return self._credentials is not None

    def forget_refusal(self) -> None:
        """Send refused credentials once more, as the caller has asked for a login."""
        self._refused = None

    def start(self, given: Fields | None) -> Tokens:
        """Log in and save the tokens.

        Raises:
            LoginRequiredError: there are no credentials, or the server refuses them.

        """
        credentials = self._read_credentials(given)
        if credentials == self._refused:
            raise LoginRequiredError(
                "The server has refused these credentials before. Correct them, or call login().",
                code="no_active_account",
            )
        self._storage.check_writable()
        if self._endpoints.prover is not None:
            self._endpoints.prover.reload()
        body = {self._endpoints.name(name): value for name, value in credentials.items()}
        answer = self._send(paths.LOGIN, body)
        if answer.code == "mfa_required" and self._second_factor is not None:
            answer = self._verify_second_factor(answer, credentials, self._second_factor)
        try:
            tokens = self._endpoints.read_login(answer)
        except LoginRequiredError:
            self._refused = credentials
            raise
        self._storage.save(tokens)
        return tokens

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

    def _verify_second_factor(
        self, answer: Answer, credentials: Fields, ask: SecondFactor
    ) -> Answer:
        offered = answer.json.get("methods") or ()
        methods = [str(one["name"]) for one in offered if isinstance(one, dict) and "name" in one]
        name = self._endpoints.name("device_name")
        kept = {name: credentials["device_name"]} if "device_name" in credentials else {}
        body = {**kept, **call(lambda: ask(methods)), "ticket": answer.json.get("ticket")}
        return self._send(paths.VERIFY, hide_items(body))
