"""Invariants after a race, whatever its outcome."""

from collections.abc import Iterable
from typing import Any

from refresh_sessions.exceptions import (
    RefreshSessionsError,
    RefreshSupersededError,
    SessionRevokedError,
)
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import (
    TokenPair,
    check_access_token,
    open_family,
    refresh_session,
)
from refresh_sessions.tokens.refresh_tokens import verify
from tests.domain.client_actions import call, session_of

REVOCATION_EVENTS = ("signed_out", "revoked", "reuse_detected", "limit_reached")


def failures(answers: Iterable[Any]) -> list[RefreshSessionsError]:
    return [answer for answer in answers if isinstance(answer, RefreshSessionsError)]


def pairs(answers: Iterable[Any]) -> list[TokenPair]:
    return [answer for answer in answers if isinstance(answer, TokenPair)]


def issued_refresh_tokens(answers: Iterable[Any]) -> list[str]:
    """Return the refresh tokens in the answers; assert that they are distinct."""
    tokens = [pair.refresh for pair in pairs(answers) if pair.refresh]
    assert len(set(tokens)) == len(tokens)
    return tokens


def with_families(pair: TokenPair, number: int) -> list[TokenPair]:
    """Open families until the session has ``number``, and end all overlaps."""
    opened = []
    for _ in range(number - 1):
        families = open_family(check_access_token(pair.access), str(pair.refresh))
        pair = families.current
        opened.append(families.opened)
    TokenFamily.objects.filter(session=pair.session).update(rotated_at=None)
    return [pair, *opened]


def count_usable(tokens: Iterable[str]) -> int:
    """Return how many of the tokens are usable, by using them."""
    return sum(_is_usable(token) for token in tokens)


def _is_usable(token: str) -> bool:
    try:
        answer = refresh_session(token)
    except (RefreshSupersededError, SessionRevokedError):
        return False
    # Shortly after a rotation, the holder of the newest token is answered without a new one.
    return answer.refresh is not None or verify(token).generation == answer.family.generation


def rows() -> list[int]:
    return [model.objects.count() for model in (DeviceSession, TokenFamily, SessionEvent)]


def revocation_events(pair) -> list[str]:
    """Return the events of the session's revocation; at most one is correct."""
    events = session_of(pair).events.filter(kind__in=REVOCATION_EVENTS)
    return list(events.values_list("kind", flat=True))


def count_usable_after_revocation(pair, answers) -> int:
    """Return how many refresh tokens of a revoked session are usable, by using them."""
    assert {call(holder) for holder in (pair, *pairs(answers))} == {"session_revoked"}
    usable = count_usable([pair.refresh, *issued_refresh_tokens(answers)])
    assert len(revocation_events(pair)) == 1
    return usable
