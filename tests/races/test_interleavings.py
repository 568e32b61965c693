"""Selected interleavings: an event between the SELECT and the UPDATE of a refresh."""

from functools import partial

import pytest
from django.db import connection

from refresh_sessions.database import DatabaseNow
from refresh_sessions.exceptions import (
    RefreshSupersededError,
    SessionExpiredError,
    SessionRevokedError,
)
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import access, refresh_session
from tests.domain.client_actions import call, family_of, kinds, refused
from tests.factories import make_pair
from tests.races.barriers import after_read, wait_for_readers
from tests.races.invariants import (
    count_usable,
    count_usable_after_revocation,
    issued_refresh_tokens,
)
from tests.races.runner import at_once, scaled, thread_pool
from tests.races.test_revocation import WAYS

pytestmark = pytest.mark.django_db(transaction=True)


def refresh_with_statements(token):
    """Refresh; return the pair and the kinds of statements."""
    verbs = []

    def record(execute, sql, *args):
        verbs.append(sql.split()[0])
        return execute(sql, *args)

    with connection.execute_wrapper(record):
        return refresh_session(token), verbs


@pytest.mark.parametrize("presenters", [2, 8])
def test_concurrent_refresh_loser_reads_again(presenters, monkeypatch):
    pair = make_pair()
    wait_for_readers(monkeypatch, presenters)
    answers = at_once([partial(refresh_with_statements, pair.refresh)] * presenters)
    winners = [verbs for answer, verbs in answers if answer.refresh]
    losers = [verbs for answer, verbs in answers if not answer.refresh]
    assert winners == [["SELECT", "UPDATE"]]
    # Each loser tried to write, failed, and judged the row of the winner. The first of them
    # records the answer to a sibling.
    first_statements = [verbs[:3] for verbs in losers]
    assert first_statements == [["SELECT", "UPDATE", "SELECT"]] * (presenters - 1)
    assert {tuple(verbs[3:]) for verbs in losers} <= {(), ("UPDATE",)}
    assert family_of(pair).generation == 2


def run_after_read(monkeypatch, do):
    """Run a function on another connection after the first read."""
    after_read(monkeypatch, lambda: at_once([do]))


class TestConcurrentEnd:
    @pytest.mark.parametrize("end", [end for end, _, _ in WAYS])
    def test_refresh_session_revoked_after_read_leaves_no_usable_token(self, end, monkeypatch):
        pair = make_pair()
        run_after_read(monkeypatch, partial(end, pair))
        try:
            answers = [refresh_session(pair.refresh)]
        except SessionRevokedError:
            answers = []
        assert count_usable_after_revocation(pair, answers) == 0

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"closed_at": DatabaseNow()}, RefreshSupersededError),
            ({"idle_expires_at": DatabaseNow()}, SessionExpiredError),
        ],
    )
    def test_refresh_family_ended_after_read_issues_no_token(self, change, refusal, monkeypatch):
        pair = make_pair()
        run_after_read(monkeypatch, lambda: TokenFamily.objects.update(**change))
        with pytest.raises(refusal):
            refresh_session(pair.refresh)
        assert family_of(pair).generation == 1

    def test_refresh_session_deleted_after_read_issues_no_token(self, monkeypatch):
        pair = make_pair()
        run_after_read(monkeypatch, DeviceSession.objects.all().delete)
        with pytest.raises(SessionRevokedError):
            refresh_session(pair.refresh)
        assert not TokenFamily.objects.exists()


class TestDelivery:
    """Evidence of delivery, with concurrent use of the tokens."""

    @pytest.fixture
    def lost(self):
        """A used token and its successor, whose delivery is unknown."""
        pair = make_pair()
        successor = refresh_session(pair.refresh)
        TokenFamily.objects.update(rotated_at=None)
        return pair, successor

    def test_evidence_before_retry_makes_retry_reuse(self, lost, monkeypatch):
        used, successor = lost
        run_after_read(monkeypatch, partial(call, successor))
        assert refused(used.refresh) == "session_revoked"
        assert kinds(used) == ["signed_in", "reuse_detected"]
        assert count_usable_after_revocation(used, [successor]) == 0

    def test_evidence_before_rotation_does_not_apply_to_next_generation(self, lost, monkeypatch):
        _, pair = lost
        run_after_read(monkeypatch, partial(call, pair))
        newest = refresh_session(pair.refresh)
        family = family_of(newest)
        assert (family.generation, family.delivered_at) == (3, None)

    def test_evidence_after_rotation_does_not_apply_to_next_generation(self, lost, monkeypatch):
        _, pair = lost
        mark = access._mark_delivered

        def late(family, using):
            at_once([partial(refresh_session, pair.refresh)])
            mark(family, using)

        monkeypatch.setattr(access, "_mark_delivered", late)
        assert call(pair) == "ok"
        family = family_of(pair)
        assert (family.generation, family.delivered_at) == (3, None)

    def test_evidence_with_concurrent_retry_leaves_one_usable_token(self, statistics):
        with thread_pool(2) as race:
            for _ in range(scaled(5, 60)):
                used = make_pair()
                successor = refresh_session(used.refresh)
                TokenFamily.objects.update(rotated_at=None)
                _, answer = race(
                    [partial(call, successor), partial(refresh_session, used.refresh)]
                )
                if isinstance(answer, SessionRevokedError):
                    assert kinds(used) == ["signed_in", "reuse_detected"]
                    assert count_usable_after_revocation(used, [successor]) == 0
                else:
                    # The retry was first and recovered: the former successor is superseded.
                    assert call(successor) == "token_not_valid/token_superseded"
                    assert refused(successor.refresh) == "refresh_superseded"
                    assert call(answer) == "ok"
                tokens = [used.refresh, successor.refresh, *issued_refresh_tokens([answer])]
                statistics.add([answer], live=count_usable(tokens))
        assert statistics.live <= {0, 1}
