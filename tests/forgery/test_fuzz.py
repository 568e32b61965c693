"""The fuzzer, for a moment in every run; ``python -m tests.forgery.fuzz`` gives it ten minutes."""

import pytest

from refresh_sessions.tokens import access_tokens
from tests.forgery import fuzz
from tests.unit.made import access_token


def test_nothing_but_refusals():
    tally = fuzz.run(minutes=0, number=1, examples=300)
    assert tally.total() >= 900
    assert set(tally) <= {"refused", "genuine"}


def test_it_would_say_what_was_accepted():
    token = access_token()
    assert fuzz.check(access_tokens.verify, token, [token]) == "genuine"
    with pytest.raises(AssertionError, match="accepted"):
        fuzz.check(access_tokens.verify, token, [])


def test_it_would_not_swallow_an_error():
    def verify(token):
        raise RecursionError

    with pytest.raises(RecursionError):
        fuzz.check(verify, "x", [])
