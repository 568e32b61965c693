"""Unmodified clients from npm and PyPI: logouts and false reports of reuse."""

import os

import pytest

from tests.clients.equipment import SWITCH
from tests.clients.expectations import expected
from tests.clients.scenario_run import CLIENTS_AND_STYLES, Case
from tests.clients.scenarios import SCENARIOS

# Otherwise pytest-django creates no database.
pytestmark = pytest.mark.django_db

LONG = "11-twelve-expiries"
CLIENTS_IN_LONG = {"ky", "rtk-query", "httpx", "authlib"}
"""With and without a lock around refreshes, in both languages.

``REFRESH_SESSIONS_CLIENTS=all`` includes the others.
"""


def is_included(case: Case) -> bool:
    return case.scenario != LONG or case.client in CLIENTS_IN_LONG or os.environ[SWITCH] == "all"


HONEST = [
    case
    for scenario in SCENARIOS
    for client, style in CLIENTS_AND_STYLES
    for jar in (True, False)
    if is_included(case := Case(scenario, client, style, jar))
]


@pytest.mark.parametrize("case", HONEST, ids=str)
def test_client_in_scenario_has_expected_outcome(case, outcomes, request):
    outcome, expectation = outcomes[case], expected(case)
    if expectation.pending:
        request.applymarker(pytest.mark.xfail(reason="no companion cookie yet", strict=False))
    assert not outcome.reuse_reported, outcome
    assert expectation.allows(signed_out=outcome.signed_out, ended=outcome.ended), (
        expectation.end,
        outcome,
    )
