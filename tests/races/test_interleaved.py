"""Chosen interleavings: something happens between the SELECT of a refresh and its UPDATE."""

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
from tests.domain.stories import call, family_of, kinds, refused
from tests.factories import make_pair
from tests.races.barriers import meet_once_read, once_read
from tests.races.invariants import handed_out, live_lineages, survivors
from tests.races.runner import at_once, crew, scaled
from tests.races.test_ending import WAYS

pytestmark = pytest.mark.django_db(transaction=True)


def counted(token):
    """Refresh, and say which statements that took."""
    verbs = []

    def note(execute, sql, *args):
        verbs.append(sql.split()[0])
        return execute(sql, *args)

    with connection.execute_wrapper(note):
        return refresh_session(token), verbs


@pytest.mark.parametrize("presenters", [2, 8])
def test_the_loser_reads_again(presenters, monkeypatch):
    pair = make_pair()
    meet_once_read(monkeypatch, presenters)
    answers = at_once([partial(counted, pair.refresh)] * presenters)
    won = [verbs for answer, verbs in answers if answer.refresh]
    lost = [verbs for answer, verbs in answers if not answer.refresh]
    assert won == [["SELECT", "UPDATE"]]
    # Each has tried to write what it had judged, failed, and judged what the winner wrote.
    # The answer to a sibling is noted, if nobody had noted one by then.
    judged = [verbs[:3] for verbs in lost]
    assert judged == [["SELECT", "UPDATE", "SELECT"]] * (presenters - 1)
    assert {tuple(verbs[3:]) for verbs in lost} <= {(), ("UPDATE",)}
    assert family_of(pair).generation == 2


def meanwhile(monkeypatch, do):
    """Have another connection do something, once somebody has read."""
    once_read(monkeypatch, lambda: at_once([do]))


class TestEndedMeanwhile:
    @pytest.mark.parametrize("end", [end for end, _, _ in WAYS])
    def test_nothing_is_usable(self, end, monkeypatch):
        pair = make_pair()
        meanwhile(monkeypatch, partial(end, pair))
        try:
            answers = [refresh_session(pair.refresh)]
        except SessionRevokedError:
            answers = []
        assert survivors(pair, answers) == 0

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"closed_at": DatabaseNow()}, RefreshSupersededError),
            ({"idle_expires_at": DatabaseNow()}, SessionExpiredError),
        ],
    )
    def test_a_family_that_ended_gives_no_token(self, change, refusal, monkeypatch):
        pair = make_pair()
        meanwhile(monkeypatch, lambda: TokenFamily.objects.update(**change))
        with pytest.raises(refusal):
            refresh_session(pair.refresh)
        assert family_of(pair).generation == 1

    def test_a_session_that_was_deleted_gives_no_token(self, monkeypatch):
        pair = make_pair()
        meanwhile(monkeypatch, DeviceSession.objects.all().delete)
        with pytest.raises(SessionRevokedError):
            refresh_session(pair.refresh)
        assert not TokenFamily.objects.exists()


class TestDelivery:
    """The evidence that a client has its newest token, against what that token's fate is."""

    @pytest.fixture
    def lost(self):
        """A used token and its successor, of which nobody knows whether it has arrived."""
        pair = make_pair()
        successor = refresh_session(pair.refresh)
        TokenFamily.objects.update(rotated_at=None)
        return pair, successor

    def test_before_a_retry_is_honoured(self, lost, monkeypatch):
        used, successor = lost
        meanwhile(monkeypatch, partial(call, successor))
        assert refused(used.refresh) == "session_revoked"
        assert kinds(used) == ["signed_in", "reuse_detected"]
        assert survivors(used, [successor]) == 0

    def test_before_the_next_rotation(self, lost, monkeypatch):
        _, pair = lost
        meanwhile(monkeypatch, partial(call, pair))
        newest = refresh_session(pair.refresh)
        family = family_of(newest)
        assert (family.generation, family.delivered_at) == (3, None)

    def test_after_the_next_rotation(self, lost, monkeypatch):
        _, pair = lost
        mark = access._mark_delivered

        def late(family, using):
            at_once([partial(refresh_session, pair.refresh)])
            mark(family, using)

        monkeypatch.setattr(access, "_mark_delivered", late)
        assert call(pair) == "ok"
        family = family_of(pair)
        assert (family.generation, family.delivered_at) == (3, None)

    def test_against_a_retry(self, tally):
        with crew(2) as race:
            for _ in range(scaled(5, 60)):
                used = make_pair()
                successor = refresh_session(used.refresh)
                TokenFamily.objects.update(rotated_at=None)
                _, answer = race(
                    [partial(call, successor), partial(refresh_session, used.refresh)]
                )
                if isinstance(answer, SessionRevokedError):
                    assert kinds(used) == ["signed_in", "reuse_detected"]
                    assert survivors(used, [successor]) == 0
                else:
                    # The retry came first, and took the tokens that were on their way back.
                    assert call(successor) == "token_not_valid/token_superseded"
                    assert refused(successor.refresh) == "refresh_superseded"
                    assert call(answer) == "ok"
                tokens = [used.refresh, successor.refresh, *handed_out([answer])]
                tally.add([answer], live=live_lineages(tokens))
        assert tally.live <= {0, 1}
