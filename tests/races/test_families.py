"""Opening a family and signing out, against refreshes of the same token."""

from functools import partial

import pytest

from refresh_sessions.exceptions import RefreshSupersededError, SessionRevokedError
from refresh_sessions.models import TokenFamily
from refresh_sessions.sessions import (
    OpenedFamily,
    check_access_token,
    open_family,
    refresh_session,
    sign_out,
)
from refresh_sessions.tokens import refresh_tokens
from tests.domain.stories import companion_request, family_of, kinds, session_of
from tests.factories import make_pair
from tests.races.invariants import pairs
from tests.races.runner import crew, scaled

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("companion", [False, True], ids=["no companion", "companion"])
def test_refresh_against_opening_a_family_rotates_once_and_accuses_nobody(companion):
    with crew(4) as race:
        for _ in range(scaled(3, 60)):
            pair = make_pair()
            request = companion_request(pair) if companion else None
            grant = check_access_token(pair.access)
            opening = partial(open_family, grant, pair.refresh, request=request)
            refreshing = partial(refresh_session, pair.refresh, request=request)
            opened, *answers = race([opening, refreshing, refreshing, refreshing])
            if isinstance(opened, OpenedFamily):
                assert family_of(pair).generation == 2
                assert session_of(pair).families.count() == 2
                tokens = {opened.current.refresh}
            else:
                assert isinstance(opened, RefreshSupersededError)
                assert session_of(pair).families.count() == 1
                tokens = set()
            assert len(pairs(answers)) == 3
            tokens |= {answer.refresh for answer in pairs(answers)} - {None}
            assert {refresh_tokens.verify(token).generation for token in tokens} == {2}
            TokenFamily.objects.update(rotated_at=None)
            assert refresh_session(tokens.pop(), request=request).refresh
            assert "reuse_detected" not in kinds(pair)


def test_sign_out_with_a_used_token_against_refresh_leaves_nothing_and_one_alarm():
    with crew(4) as race:
        for _ in range(scaled(3, 60)):
            used = make_pair()
            pair = refresh_session(used.refresh)
            TokenFamily.objects.update(rotated_at=None)
            pair = refresh_session(pair.refresh)
            TokenFamily.objects.update(rotated_at=None)
            reusing = partial(sign_out, refresh_tokens.verify(used.refresh))
            refreshing = partial(refresh_session, pair.refresh)
            race([reusing, reusing, refreshing, refreshing])
            assert session_of(used).revoked_reason == "reuse"
            assert kinds(used).count("reuse_detected") == 1
            for token in (used.refresh, pair.refresh):
                with pytest.raises(SessionRevokedError):
                    refresh_session(token)
            assert kinds(used).count("reuse_detected") == 1


def test_owner_and_used_token_after_a_sign_out_raise_one_alarm():
    """The session has ended already: whoever notices first records the reuse."""
    with crew(6) as race:
        for _ in range(scaled(3, 60)):
            owner = make_pair()
            stolen = refresh_session(owner.refresh)
            sign_out(refresh_tokens.verify(stolen.refresh))
            TokenFamily.objects.update(rotated_at=None)
            coming_back = partial(refresh_session, owner.refresh)
            signing_out = partial(sign_out, refresh_tokens.verify(owner.refresh))
            race([*[coming_back] * 4, *[signing_out] * 2])
            assert kinds(owner) == ["signed_in", "signed_out", "reuse_detected"]


def test_siblings_with_the_companion_get_one_successor_from_one_write():
    with crew(8) as race:
        for _ in range(scaled(2, 30)):
            pair = make_pair()
            answers = race(
                [partial(refresh_session, pair.refresh, request=companion_request(pair))] * 8
            )
            assert len(pairs(answers)) == 8
            generations = {refresh_tokens.verify(answer.refresh).generation for answer in answers}
            assert generations == {2}
            assert family_of(pair).generation == 2
            assert [answer.repeated for answer in answers].count(False) == 1
