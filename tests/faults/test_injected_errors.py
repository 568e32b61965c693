"""Database errors at every statement of every request: success or 503, sessions stay consistent.

Errors of other databases are tested as well: the package examines only their causes.
"""

from dataclasses import replace
from functools import partial
from itertools import count

import pytest
from django.db import connection

from tests.faults.errors import CONNECTION_LOST, TRANSIENT
from tests.faults.injection import Fault, failing_commit
from tests.faults.scenarios import SCENARIOS, Actor

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_pauses", "_no_throttles"),
]

ANY_LOST = next(reversed(CONNECTION_LOST.values()))
ANY_TRANSIENT = next(reversed(TRANSIENT.values()))


def without_503(do, actor):
    answer = do(actor)
    assert answer.status_code != 503
    return answer


@pytest.fixture
def _no_throttles(monkeypatch):
    """The requests are repeated more often than the throttles allow."""
    rates = dict.fromkeys(("session-login", "session-refresh"))
    monkeypatch.setattr("rest_framework.settings.api_settings.DEFAULT_THROTTLE_RATES", rates)


def fail_at_each_statement(scenario, error, **how) -> int:
    """Repeat a request with an error at its first statement, its second, up to its last."""
    for number in count(1):
        actor = Actor()
        fault = Fault(error=error, on=number, **how)
        with connection.execute_wrapper(fault):
            answer = scenario(actor)
        if len(fault.statements) < number:
            return number - 1
        scenario.verify(actor, answer)
    raise AssertionError


@pytest.mark.parametrize("error", TRANSIENT)
def test_refresh_any_transient_error_at_any_statement_is_handled(error):
    assert fail_at_each_statement(SCENARIOS["refresh"], TRANSIENT[error]) == 2


@pytest.mark.parametrize(
    "name",
    [
        "login",
        "login with new hasher",
        "login with second factor",
        "re-authenticate",
        "open family",
        "refresh",
    ],
)
def test_request_single_transient_error_returns_tokens(name):
    """Also at the statements of Django, which find the user and store a newer hash."""
    sure = replace(SCENARIOS[name], do=partial(without_503, SCENARIOS[name].do))
    assert fail_at_each_statement(sure, ANY_TRANSIENT) > 1


@pytest.mark.parametrize("executed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_request_connection_lost_at_any_statement_is_handled(name, executed):
    assert fail_at_each_statement(SCENARIOS[name], ANY_LOST, executed=executed) > 0


@pytest.mark.parametrize(
    "name",
    [
        "login",
        "login with second factor",
        "re-authenticate",
        "introspect",
        "refresh",
        "logout",
        "call view",
    ],
)
def test_request_connection_lost_permanently_is_handled(name):
    assert fail_at_each_statement(SCENARIOS[name], ANY_LOST, permanent=True) > 0


@pytest.mark.parametrize("times", [1, 8], ids=["once", "lasting"])
@pytest.mark.parametrize("executed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "name",
    [
        "login",
        "login with second factor",
        "re-authenticate",
        "logout",
        "revoke",
        "revoke others",
        "open family",
    ],
)
def test_request_connection_lost_at_commit_is_handled(name, executed, times):
    actor = Actor()
    with failing_commit(ANY_LOST, executed=executed, times=times):
        answer = SCENARIOS[name](actor)
    SCENARIOS[name].verify(actor, answer)
