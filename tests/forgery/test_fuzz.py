"""A short run of the fuzzer; ``python -m tests.forgery.fuzz`` runs for ten minutes."""

import pytest

from refresh_sessions.tokens import access_tokens
from tests.forgery import fuzz
from tests.unit.valid_tokens import access_token


def test_fuzzed_tokens_are_refused_unless_genuine():
    counts = fuzz.run(minutes=0, number=1, examples=300)
    assert counts.total() >= 900
    assert set(counts) <= {"refused", "genuine"}


def test_fuzz_check_accepted_forgery_is_reported():
    token = access_token()
    assert fuzz.check(access_tokens.verify, token, [token]) == "genuine"
    with pytest.raises(AssertionError, match="accepted"):
        fuzz.check(access_tokens.verify, token, [])


def test_fuzz_check_unexpected_error_is_raised():
    def verify(token):
        raise RecursionError

    with pytest.raises(RecursionError):
        fuzz.check(verify, "x", [])
