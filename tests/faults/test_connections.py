"""Real connections that break before or after the server executes a statement."""

from datetime import timedelta

import pytest
from django.db import connection

from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import refresh_session
from tests.domain.client_actions import call, family_of, kinds
from tests.factories import make_pair
from tests.faults.proxy import Cut, through_proxy
from tests.faults.scenarios import SCENARIOS, Actor

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no network connection"),
    pytest.mark.usefixtures("no_pauses"),
]

FAMILY, SESSION = b"refresh_sessions_tokenfamily", b"refresh_sessions_devicesession"
QUOTE = b"`" if connection.vendor == "mysql" else b'"'

UPDATE_FAMILY = b"UPDATE " + QUOTE + FAMILY
UPDATE_SESSION = b"UPDATE " + QUOTE + SESSION
INSERT_SESSION = b"INSERT INTO " + QUOTE + SESSION
COMMIT = b"COMMIT"

CUTS = [
    ("refresh", UPDATE_FAMILY),
    ("login", INSERT_SESSION),
    ("login", COMMIT),
    ("logout", UPDATE_SESSION),
    ("logout", COMMIT),
    ("revoke others", COMMIT),
    ("open family", COMMIT),
    ("call view", UPDATE_FAMILY),
]

EVERY_TIME = 100


@pytest.fixture
def proxy():
    with through_proxy() as proxy:
        yield proxy


@pytest.mark.parametrize("times", [1, EVERY_TIME], ids=["once", "every time"])
@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("name", "words"), CUTS)
def test_connection_cut_at_statement_leaves_consistent_sessions(
    proxy, name, words, answered, times
):
    actor = Actor()
    proxy.cut = cut = Cut(words=words, answered=answered, times=times)
    answer = SCENARIOS[name](actor)
    proxy.cut = None
    assert cut.done > 0
    if times == 1:
        assert answer.status_code == SCENARIOS[name].status
    SCENARIOS[name].verify(actor, answer)


def test_login_connection_cut_after_commit_creates_one_session(proxy):
    proxy.cut = Cut(words=COMMIT, answered=True)
    pair = make_pair(Actor().user)
    assert DeviceSession.objects.filter(user=pair.session.user).count() == 3
    assert call(pair) == "ok"


@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
def test_strict_rotation_connection_cut_never_reports_reuse(proxy, options, answered):
    options(ROTATION_OVERLAP=timedelta(0), LOST_RESPONSE_RECOVERY=False)
    pair = make_pair()
    proxy.cut = Cut(words=UPDATE_FAMILY, answered=answered)
    new = refresh_session(pair.refresh)
    assert call(refresh_session(new.refresh)) == "ok"
    assert (family_of(pair).generation, kinds(pair)) == (3, ["signed_in"])


def test_call_connection_cut_at_evidence_uses_new_connection(proxy):
    """The queries of the view need a working connection."""
    actor = Actor()
    proxy.cut = cut = Cut(words=UPDATE_FAMILY, answered=False)
    assert actor.list_sessions().status_code == 200
    assert cut.done == 1


def test_read_only_server_is_replaced_by_new_connection():
    """After a failover the host name refers to another server."""
    actor = Actor()
    read_only = {
        "postgresql": "SET default_transaction_read_only = on",
        "mysql": "SET SESSION TRANSACTION READ ONLY",
    }
    try:
        with connection.cursor() as cursor:
            cursor.execute(read_only[connection.vendor])
        assert actor.refresh().status_code == 200
        assert actor.login().status_code == 200
    finally:
        connection.close()
