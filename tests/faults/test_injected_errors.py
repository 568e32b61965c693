"""The database fails at any statement of any deed: success or 503, and nobody is harmed.

The errors are raised where Django's own come from; those of other databases than the run's are
no less real to the package, which sees only their causes.
"""

from dataclasses import replace
from functools import partial
from itertools import count

import pytest
from django.db import connection

from tests.faults.errors import LOST, PASSING
from tests.faults.injection import Fault, failing_commit
from tests.faults.scenarios import SCENARIOS, Actor

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_pauses", "_no_throttles"),
]

ANY_LOST = next(reversed(LOST.values()))
ANY_PASSING = next(reversed(PASSING.values()))


def without_503(do, person):
    answer = do(person)
    assert answer.status_code != 503
    return answer


@pytest.fixture
def _no_throttles(monkeypatch):
    """A deed is tried more often than anybody would."""
    rates = dict.fromkeys(("session-login", "session-refresh"))
    monkeypatch.setattr("rest_framework.settings.api_settings.DEFAULT_THROTTLE_RATES", rates)


def fail_everywhere(deed, error, **how) -> int:
    """Do a deed with an error at its first statement, its second, and so on till its last."""
    for number in count(1):
        person = Actor()
        fault = Fault(error=error, on=number, **how)
        with connection.execute_wrapper(fault):
            answer = deed(person)
        if len(fault.statements) < number:
            return number - 1
        deed.verify(person, answer)
    raise AssertionError


@pytest.mark.parametrize("error", PASSING)
def test_refresh_meets_every_error_at_every_statement(error):
    assert fail_everywhere(SCENARIOS["refresh"], PASSING[error]) == 2


@pytest.mark.parametrize(
    "deed",
    ["login", "login after an upgrade", "login by two steps", "prove", "open family", "refresh"],
)
def test_one_passing_error_keeps_no_tokens_back(deed):
    """Also not at Django's statements, by which it finds a user and stores a newer hash."""
    sure = replace(SCENARIOS[deed], do=partial(without_503, SCENARIOS[deed].do))
    assert fail_everywhere(sure, ANY_PASSING) > 1


@pytest.mark.parametrize("carried_out", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("deed", SCENARIOS)
def test_connection_lost_at_every_statement_of(deed, carried_out):
    assert fail_everywhere(SCENARIOS[deed], ANY_LOST, carried_out=carried_out) > 0


@pytest.mark.parametrize(
    "deed", ["login", "login by two steps", "prove", "introspect", "refresh", "logout", "use"]
)
def test_connection_lost_for_good_at_every_statement_of(deed):
    assert fail_everywhere(SCENARIOS[deed], ANY_LOST, lasting=True) > 0


@pytest.mark.parametrize("times", [1, 8], ids=["once", "lasting"])
@pytest.mark.parametrize("carried_out", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "deed",
    ["login", "login by two steps", "prove", "logout", "revoke", "revoke others", "open family"],
)
def test_connection_lost_at_the_commit_of(deed, carried_out, times):
    person = Actor()
    with failing_commit(ANY_LOST, carried_out=carried_out, times=times):
        answer = SCENARIOS[deed](person)
    SCENARIOS[deed].verify(person, answer)
