"""What must be true once a race is over, whoever won it."""

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
from tests.domain.stories import call, session_of

ENDINGS = ("signed_out", "revoked", "reuse_detected", "limit_reached")


def failures(answers: Iterable[Any]) -> list[RefreshSessionsError]:
    return [answer for answer in answers if isinstance(answer, RefreshSessionsError)]


def pairs(answers: Iterable[Any]) -> list[TokenPair]:
    return [answer for answer in answers if isinstance(answer, TokenPair)]


def handed_out(answers: Iterable[Any]) -> list[str]:
    """The refresh tokens in the answers; no two presenters may have got the same."""
    tokens = [pair.refresh for pair in pairs(answers) if pair.refresh]
    assert len(set(tokens)) == len(tokens)
    return tokens


def with_families(pair: TokenPair, number: int) -> list[TokenPair]:
    """Open so many families in the session, and let all overlaps pass."""
    opened = []
    for _ in range(number - 1):
        families = open_family(check_access_token(pair.access), str(pair.refresh))
        pair = families.current
        opened.append(families.opened)
    TokenFamily.objects.filter(session=pair.session).update(rotated_at=None)
    return [pair, *opened]


def live_lineages(tokens: Iterable[str]) -> int:
    """How many of the tokens can be used, by using them."""
    return sum(_is_usable(token) for token in tokens)


def _is_usable(token: str) -> bool:
    try:
        answer = refresh_session(token)
    except (RefreshSupersededError, SessionRevokedError):
        return False
    # Moments after a rotation, the holder of the newest is told to keep it.
    return answer.refresh is not None or verify(token).generation == answer.family.generation


def rows() -> list[int]:
    return [model.objects.count() for model in (DeviceSession, TokenFamily, SessionEvent)]


def endings_of(pair) -> list[str]:
    """The events by which the session ended; there may be one."""
    events = session_of(pair).events.filter(kind__in=ENDINGS)
    return list(events.values_list("kind", flat=True))


def survivors(pair, answers) -> int:
    """How many refresh tokens of an ended session can still be used, by using them."""
    assert {call(holder) for holder in (pair, *pairs(answers))} == {"session_revoked"}
    alive = live_lineages([pair.refresh, *handed_out(answers)])
    assert len(endings_of(pair)) == 1
    return alive
