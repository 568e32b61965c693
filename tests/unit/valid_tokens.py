"""Valid tokens of both kinds, and the functions that verify them."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from refresh_sessions.tokens import access_tokens, refresh_tokens
from refresh_sessions.tokens.keys import Purpose

NOW = datetime.now(UTC).replace(microsecond=0)
# Relative to the import of the tests, so later than the end of any run.
LIFETIME = timedelta(hours=12)


def access_token(**changes) -> str:
    claims = {
        "subject": "7",
        "session_id": uuid4(),
        "family_id": uuid4(),
        "generation": 3,
        "authenticated_at": NOW,
        "authentication_methods": ("pwd",),
        "issued_at": NOW,
        "expires_at": NOW + LIFETIME,
    }
    return access_tokens.issue(access_tokens.AccessClaims(**{**claims, **changes}))


def refresh_token(**changes) -> str:
    claims = {
        "session_id": uuid4(),
        "family_id": uuid4(),
        "generation": 3,
        "expires_at": NOW + timedelta(days=7),
        "secret": refresh_tokens.new_secret(),
    }
    return refresh_tokens.issue(**{**claims, **changes})


KINDS = [
    pytest.param(access_token, access_tokens.verify, Purpose.ACCESS, id="access"),
    pytest.param(refresh_token, refresh_tokens.verify, Purpose.REFRESH, id="refresh"),
]
both = pytest.mark.parametrize(("make", "verify", "purpose"), KINDS)
