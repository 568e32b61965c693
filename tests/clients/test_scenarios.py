"""Unmodified clients from npm and PyPI: whom we sign out, and whom we accuse."""

import os

import pytest

from tests.clients.equipment import SWITCH
from tests.clients.expectations import expected
from tests.clients.stories import STORIES
from tests.clients.world import CLIENTS_AND_STYLES, Case

# Or pytest-django would make no database.
pytestmark = pytest.mark.django_db

LONG = "11-twelve-expiries"
CLIENTS_IN_LONG = {"ky", "rtk-query", "httpx", "authlib"}
"""With and without a lock around refreshes, in both languages.

``REFRESH_SESSIONS_CLIENTS=all`` has the others too.
"""


def is_told(case: Case) -> bool:
    return case.story != LONG or case.client in CLIENTS_IN_LONG or os.environ[SWITCH] == "all"


HONEST = [
    case
    for story in STORIES
    for client, style in CLIENTS_AND_STYLES
    for jar in (True, False)
    if is_told(case := Case(story, client, style, jar))
]


@pytest.mark.parametrize("case", HONEST, ids=str)
def test_client_in_story_ends_as_the_table_says(case, outcomes, request):
    outcome, want = outcomes[case], expected(case)
    if want.pending:
        request.applymarker(pytest.mark.xfail(reason="no companion cookie yet", strict=False))
    assert not outcome.accused, outcome
    assert want.allows(signed_out=outcome.signed_out, ended=outcome.ended), (want.end, outcome)
