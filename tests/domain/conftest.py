"""Fixtures of the domain tests."""

from datetime import timedelta

import pytest

from tests.domain.step_up_actions import HOUR, is_fresh
from tests.factories import make_pair


@pytest.fixture
def old(user, clock, options):
    """A token pair whose authentication is an hour old."""
    options(ACCESS_TOKEN_LIFETIME=timedelta(hours=2))
    pair = make_pair(user, methods=("pwd",))
    clock.move(HOUR)
    assert not is_fresh(pair)
    return pair
