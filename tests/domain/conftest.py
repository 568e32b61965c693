"""What several of these tests begin with."""

from datetime import timedelta

import pytest

from tests.domain.steps import HOUR, is_fresh
from tests.factories import make_pair


@pytest.fixture
def old(user, clock, options):
    """A pair whose proof of identity is an hour old."""
    options(ACCESS_TOKEN_LIFETIME=timedelta(hours=2))
    pair = make_pair(user, methods=("pwd",))
    clock.move(HOUR)
    assert not is_fresh(pair)
    return pair
