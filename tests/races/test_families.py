"""Opening a family and logging out, with concurrent refreshes of the same token."""

from functools import partial

import pytest

from refresh_sessions.exceptions import RefreshSupersededError, SessionRevokedError
from refresh_sessions.models import TokenFamily
from refresh_sessions.sessions import (
    OpenedFamily,
    check_access_token,
    log_out,
    open_family,
    refresh_session,
)
from refresh_sessions.tokens import refresh_tokens
from tests.domain.client_actions import companion_request, family_of, kinds, session_of
from tests.factories import make_pair
from tests.races.invariants import pairs
from tests.races.runner import scaled, thread_pool

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("companion", [False, True], ids=["no companion", "companion"])
def test_open_family_with_concurrent_refreshes_rotates_once(companion):
    with thread_pool(4) as race:
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


def test_logout_with_used_token_concurrent_refresh_records_one_reuse():
    with thread_pool(4) as race:
        for _ in range(scaled(3, 60)):
            used = make_pair()
            pair = refresh_session(used.refresh)
            TokenFamily.objects.update(rotated_at=None)
            pair = refresh_session(pair.refresh)
            TokenFamily.objects.update(rotated_at=None)
            reusing = partial(log_out, refresh_tokens.verify(used.refresh))
            refreshing = partial(refresh_session, pair.refresh)
            race([reusing, reusing, refreshing, refreshing])
            assert session_of(used).revoked_reason == "reuse"
            assert kinds(used).count("reuse_detected") == 1
            for token in (used.refresh, pair.refresh):
                with pytest.raises(SessionRevokedError):
                    refresh_session(token)
            assert kinds(used).count("reuse_detected") == 1


def test_used_token_after_logout_concurrent_requests_record_one_reuse():
    """The session has ended already: the first request records the reuse."""
    with thread_pool(6) as race:
        for _ in range(scaled(3, 60)):
            owner = make_pair()
            stolen = refresh_session(owner.refresh)
            log_out(refresh_tokens.verify(stolen.refresh))
            TokenFamily.objects.update(rotated_at=None)
            refreshing = partial(refresh_session, owner.refresh)
            logging_out = partial(log_out, refresh_tokens.verify(owner.refresh))
            race([*[refreshing] * 4, *[logging_out] * 2])
            assert kinds(owner) == ["signed_in", "signed_out", "reuse_detected"]


def test_concurrent_siblings_with_companion_get_one_successor():
    with thread_pool(8) as race:
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
