"""An attacker with a copied token is detected in the second round, with any client."""

import pytest

from tests.clients.execution import ATTACKER
from tests.clients.scenario_run import CLIENTS_AND_STYLES, Case

# Otherwise pytest-django creates no database.
pytestmark = pytest.mark.django_db

CASES = [
    Case(ATTACKER, client, style, jar)
    for client, style in CLIENTS_AND_STYLES
    for jar in (True, False)
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_attacker_after_owner_is_detected_in_second_round(case, outcomes):
    assert outcomes[case].detected_in == 2, outcomes[case]
