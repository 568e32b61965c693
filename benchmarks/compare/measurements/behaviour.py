"""Behaviour of a package that a client or an attacker can observe, one scenario per question.

A scenario returns True, False, or None if the package lacks an operation of the scenario.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec

from benchmarks.compare.calls import Answer, Call, Tokens
from benchmarks.compare.client_groups import ClientGroup
from benchmarks.compare.measurements.ageing import let_time_pass

HOUR: Final = timedelta(hours=1)
MINUTES: Final = timedelta(minutes=2)

P = ParamSpec("P")


class MissingOperationError(Exception):
    """The package lacks an operation of the scenario."""


def _scenario(
    function: Callable[Concatenate[Client, P], bool],
) -> Callable[Concatenate[Client, P], bool | None]:
    @wraps(function)
    def run(client: Client, /, *args: P.args, **kwargs: P.kwargs) -> bool | None:
        try:
            return function(client, *args, **kwargs)
        except MissingOperationError:
            return None

    return run


class Client:
    """The client of one new session."""

    def __init__(self, group: ClientGroup) -> None:
        self.group = group
        self.subject = group.subject
        group.login_one()
        self.tokens = group.tokens[0]

    def send(self, call: Call | None) -> Answer:
        """Send a call that the subject may lack."""
        if call is None:
            raise MissingOperationError
        return self.group.send(call)

    def may_request(self, tokens: Tokens | None = None) -> bool:
        """Whether the API accepts the access token."""
        return self.send(self.subject.request(tokens or self.tokens)).successful

    def refresh(self, tokens: Tokens | None = None) -> Tokens | None:
        """The tokens after a refresh; None if it was refused."""
        tokens = tokens or self.tokens
        answer = self.send(self.subject.refresh(tokens))
        return self.subject.read_refresh(tokens, answer) if answer.successful else None

    def must_refresh(self) -> None:
        """Refresh, and store the tokens."""
        tokens = self.refresh()
        if tokens is None:
            raise AssertionError(f"{self.subject.name} refused the newest token")
        self.tokens = tokens

    def wait(self, delta: timedelta) -> None:
        """Let time pass for everything that the server has stored."""
        let_time_pass(self.subject, delta)


@_scenario
def logout_ends_access(client: Client) -> bool:
    """After a logout, the next request with the access token is refused."""
    client.send(client.subject.logout(client.tokens))
    return not client.may_request()


@_scenario
def logout_ends_refresh(client: Client) -> bool:
    """After a logout, the refresh token is refused."""
    client.send(client.subject.logout(client.tokens))
    return client.refresh() is None


@_scenario
def deactivation_ends_access(client: Client) -> bool:
    """After an account was deactivated, the next request is refused."""
    user = client.group.user()
    user.is_active = False
    user.save()
    try:
        return not client.may_request()
    finally:
        user.is_active = True
        user.save()


@_scenario
def password_change_ends_access(client: Client) -> bool:
    """After a password change, the next request is refused."""
    user = client.group.user()
    password = user.password
    user.set_password("another password")
    user.save()
    try:
        return not client.may_request()
    finally:
        user.password = password
        user.save()


@_scenario
def survives_lost_answer(client: Client, retry_after: timedelta) -> bool:
    """A response is lost, the client refreshes again with the same token, and continues."""
    client.must_refresh()
    client.wait(HOUR)
    client.refresh()
    client.wait(retry_after)
    tokens = client.refresh()
    if tokens is None or not client.may_request(tokens):
        return False
    client.wait(HOUR)
    return client.refresh(tokens) is not None


@_scenario
def refuses_replay(client: Client) -> bool:
    """A refresh token is refused after its owner has refreshed twice."""
    old = _use_twice(client)
    return client.refresh(old) is None


@_scenario
def replay_ends_session(client: Client) -> bool:
    """The same replay also ends the session: the newest refresh token is refused."""
    old = _use_twice(client)
    return client.refresh(old) is None and client.refresh() is None


@_scenario
def theft_is_ended_by_owner(client: Client) -> bool:
    """An attacker refreshes first; after the owner's next refresh the attacker cannot refresh."""
    copied = client.tokens
    stolen = client.refresh(copied)
    if stolen is None:
        raise AssertionError(f"{client.subject.name} refused the first refresh")
    client.may_request(stolen)
    client.wait(HOUR)
    # The attacker goes on.
    stolen = client.refresh(stolen) or stolen
    client.may_request(stolen)
    client.wait(HOUR)
    client.refresh(copied)
    return client.refresh(stolen) is None


def _use_twice(client: Client) -> Tokens:
    old = client.tokens
    for _ in range(2):
        client.must_refresh()
        client.wait(MINUTES)
        client.may_request()
        client.wait(HOUR)
    return old


def observe(group: ClientGroup) -> dict[str, Any]:
    """All scenarios, each with a new session."""
    return {
        "logout_ends_access": logout_ends_access(Client(group)),
        "logout_ends_refresh": logout_ends_refresh(Client(group)),
        "deactivation_ends_access": deactivation_ends_access(Client(group)),
        "password_change_ends_access": password_change_ends_access(Client(group)),
        "survives_lost_answer": survives_lost_answer(Client(group), timedelta(0)),
        "survives_lost_answer_after_an_hour": survives_lost_answer(Client(group), HOUR),
        "refuses_replay": refuses_replay(Client(group)),
        "replay_ends_session": replay_ends_session(Client(group)),
        "theft_is_ended_by_owner": theft_is_ended_by_owner(Client(group)),
    }
