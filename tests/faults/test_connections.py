"""Real connections to real servers that break before a statement arrives, or after it worked."""

from datetime import timedelta

import pytest
from django.db import connection

from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import refresh_session
from tests.domain.stories import call, family_of, kinds
from tests.factories import make_pair
from tests.faults.proxy import Cut, through_proxy
from tests.faults.scenarios import SCENARIOS, Actor

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor == "sqlite", reason="SQLite has no wire that could break"
    ),
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
    ("use", UPDATE_FAMILY),
]

EVERY_TIME = 100


@pytest.fixture
def proxy():
    with through_proxy() as proxy:
        yield proxy


@pytest.mark.parametrize("times", [1, EVERY_TIME], ids=["once", "every time"])
@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("deed", "words"), CUTS)
def test_cut_at(proxy, deed, words, answered, times):
    person = Actor()
    proxy.cut = cut = Cut(words=words, answered=answered, times=times)
    answer = SCENARIOS[deed](person)
    proxy.cut = None
    assert cut.done > 0
    if times == 1:
        assert answer.status_code == SCENARIOS[deed].status
    SCENARIOS[deed].verify(person, answer)


def test_a_sign_in_whose_commit_was_answered_to_nobody_is_one_sign_in(proxy):
    proxy.cut = Cut(words=COMMIT, answered=True)
    pair = make_pair(Actor().user)
    assert DeviceSession.objects.filter(user=pair.session.user).count() == 3
    assert call(pair) == "ok"


@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
def test_strict_rotation_takes_its_own_update_for_no_theft(proxy, options, answered):
    options(ROTATION_OVERLAP=timedelta(0), LOST_RESPONSE_RECOVERY=False)
    pair = make_pair()
    proxy.cut = Cut(words=UPDATE_FAMILY, answered=answered)
    new = refresh_session(pair.refresh)
    assert call(refresh_session(new.refresh)) == "ok"
    assert (family_of(pair).generation, kinds(pair)) == (3, ["signed_in"])


def test_a_call_whose_evidence_is_cut_off_goes_on_with_a_new_connection(proxy):
    """The view has queries of its own, and they find a database that works."""
    person = Actor()
    proxy.cut = cut = Cut(words=UPDATE_FAMILY, answered=False)
    assert person.look().status_code == 200
    assert cut.done == 1


def test_a_server_that_has_become_a_standby():
    """Reads work, writes are refused: after a failover the name leads elsewhere."""
    person = Actor()
    read_only = {
        "postgresql": "SET default_transaction_read_only = on",
        "mysql": "SET SESSION TRANSACTION READ ONLY",
    }
    try:
        with connection.cursor() as cursor:
            cursor.execute(read_only[connection.vendor])
        assert person.refresh().status_code == 200
        assert person.login().status_code == 200
    finally:
        connection.close()
