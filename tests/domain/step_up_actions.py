"""Helpers for step-ups."""

from datetime import timedelta

from refresh_sessions.exceptions import ReauthenticationRequiredError
from refresh_sessions.sessions import (
    check_access_token,
    read_grant,
    reauthenticate_session,
    require_recent_authentication,
)
from refresh_sessions.tokens import access_tokens

HOUR = timedelta(hours=1)


def step_up(pair, methods=("pwd",), **options):
    return reauthenticate_session(check_access_token(pair.access), methods=methods, **options)


def is_fresh(pair, max_age=timedelta(minutes=5), **options) -> bool:
    """Return whether this access token allows an action that needs recent authentication."""
    grant = check_access_token(pair.access)
    try:
        require_recent_authentication(read_grant(grant), grant.claims, max_age=max_age, **options)
    except ReauthenticationRequiredError:
        return False
    return True


def auth_time(pair):
    return access_tokens.verify(pair.access).authenticated_at
