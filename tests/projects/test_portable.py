"""Public objects can be pickled and copied, as task queues and parallel test runners do."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
from datetime import UTC, datetime, timedelta

import pytest
from django.utils.translation import override
from rest_framework.exceptions import APIException

import refresh_sessions
from refresh_sessions import exceptions
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.rest_framework.exceptions import (
    InvalidRequestError,
    RefreshTokenMissing,
    SessionAPIException,
)
from refresh_sessions.sessions import check_access_token
from refresh_sessions.tokens.keys.errors import KeyConfigError
from tests.factories import make_pair

WAYS = {
    "pickled": lambda value: pickle.loads(pickle.dumps(value)),  # noqa: S301
    "pickled by protocol 0": lambda value: pickle.loads(pickle.dumps(value, 0)),  # noqa: S301
    "copied": copy.copy,
    "deep-copied": copy.deepcopy,
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)

WITHOUT_ALL = ("exceptions", "policies", "presets", "signals", "transports", "accounts")
"""Public modules without ``__all__``: all definitions count."""

METHODS = [{"name": "password"}, {"name": "totp"}]
ARGUMENTS = {
    exceptions.SessionExpiredError: ([exceptions.ExpiryReason.IDLE], {}),
    exceptions.TooManyAttemptsError: ([timedelta(seconds=3)], {}),
    exceptions.InvalidDeviceProofError: ([exceptions.ProofFault.CHALLENGE], {}),
    exceptions.InvalidDPoPProofError: ([exceptions.ProofFault.TIME], {}),
    exceptions.ReauthenticationRequiredError: ([timedelta(minutes=5)], {"acr_values": "pwd otp"}),
    exceptions.ProofIncompleteError: ([METHODS], {}),
    exceptions.SecondFactorRequiredError: (
        [],
        {"ticket": "t", "methods": METHODS, "expires_at": datetime(2026, 1, 1, tzinfo=UTC)},
    ),
    InvalidRequestError: (["token"], {}),
    RefreshTokenMissing: ([], {"in_body": True}),
}


def _public():
    for found in pkgutil.walk_packages(refresh_sessions.__path__, "refresh_sessions."):
        if ".migrations" in found.name or ".management" in found.name:
            continue
        try:
            module = importlib.import_module(found.name)
        except ImportError as error:
            # An optional extra is not installed.
            if str(error.name).startswith("refresh_sessions"):
                raise
            continue
        names = list(getattr(module, "__all__", ()))
        if found.name.removeprefix("refresh_sessions.") in WITHOUT_ALL:
            names = [name for name in vars(module) if not name.startswith("_")]
        for name in names:
            value = getattr(module, name)
            if not isinstance(value, type(pytest)):
                yield pytest.param(value, id=f"{found.name}.{name}")


def _subclasses(root):
    for kind in root.__subclasses__():
        yield kind
        yield from _subclasses(kind)


def _subclasses_sorted(*roots):
    found = {kind for root in roots for kind in _subclasses(root)}
    ours = (kind for kind in found if kind.__module__.startswith("refresh_sessions."))
    return sorted(ours, key=lambda kind: kind.__qualname__)


def _make(kind):
    if kind is SessionAPIException:
        return kind(exceptions.DatabaseBusyError())
    if issubclass(kind, KeyConfigError):
        return kind("Something is wrong.", remedy="Mend it.")
    if issubclass(kind, RuntimeError | exceptions.SettingsError):
        return kind("Something is wrong.")
    args, options = ARGUMENTS.get(kind, ([], {}))
    return kind(*args, **options)


@pytest.mark.parametrize("value", list(_public()))
def test_public_object_can_be_pickled(value):
    for way in WAYS.values():
        assert way(value) is not None


@each_way
@pytest.mark.parametrize("kind", _subclasses_sorted(exceptions.Portable, APIException))
def test_pickled_exception_keeps_attributes(kind, way):
    error = _make(kind)
    again = way(error)
    assert type(again) is kind
    assert str(again) == str(error)
    assert again.args == error.args or kind is SessionAPIException
    assert vars(again).keys() == vars(error).keys()
    assert {key: str(value) for key, value in vars(again).items()} == {
        key: str(value) for key, value in vars(error).items()
    }


@each_way
@pytest.mark.parametrize("error", _subclasses_sorted(exceptions.RefreshSessionsError))
def test_pickled_api_exception_keeps_body_with_headers(error, way):
    answer = SessionAPIException(_make(error))
    again = way(answer)
    assert again.status_code == answer.status_code
    assert again.get_full_details() == answer.get_full_details()
    assert getattr(again, "auth_header", None) == getattr(answer, "auth_header", None)


def test_pickled_exception_keeps_notes_in_its_language():
    with override("de"):
        error = exceptions.InvalidTokenError()
        error.add_note("while refreshing")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert again.__notes__ == ["while refreshing"]
    assert str(again) == str(error) != str(exceptions.InvalidTokenError())


class OrderError(exceptions.RefreshSessionsError):
    """An exception of a project, with its own constructor."""

    def __init__(self, *, order):
        super().__init__()
        self.order = order


@each_way
def test_pickled_project_exception_keeps_attributes(way):
    assert way(OrderError(order=3)).order == 3


@pytest.mark.django_db
@pytest.mark.parametrize("check", ["session", "cache", "stateless"])
def test_results_of_session_functions_can_be_pickled(user, options, check):
    options(ACCESS_TOKEN_CHECK=check)
    pair = make_pair(user)
    check_access_token(pair.access)
    grant = check_access_token(pair.access)
    for way in WAYS.values():
        assert type(way(SessionPolicy())) is SessionPolicy
        assert way(pair) == pair
        assert way(grant).user == user
        assert dict(way(grant)) == dict(grant)
