"""One copied token, which trails its owner: found in its second round, whatever the client."""

import pytest

from tests.clients.running import ATTACKER
from tests.clients.world import CLIENTS_AND_STYLES, Case

# Or pytest-django would make no database.
pytestmark = pytest.mark.django_db

CASES = [
    Case(ATTACKER, client, style, jar)
    for client, style in CLIENTS_AND_STYLES
    for jar in (True, False)
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_attacker_trailing_the_owner_is_found_in_the_second_round(case, outcomes):
    assert outcomes[case].found_in == 2, outcomes[case]
