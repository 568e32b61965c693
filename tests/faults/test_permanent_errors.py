"""Errors that no further try can help: said once and aloud, and never "come again"."""

import pytest
from django.db import DatabaseError, OperationalError, connection

from tests.domain.stories import call, kinds
from tests.faults.errors import LASTING
from tests.faults.injection import Fault, statements_seen
from tests.faults.scenarios import SCENARIOS, Actor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("error", LASTING)
def test_is_raised_at_once(error):
    person = Actor()
    fault = Fault(error=LASTING[error], on=2, lasting=True)
    with connection.execute_wrapper(fault), pytest.raises(type(LASTING[error]())):
        person.refresh()
    assert [statement.split()[0] for statement in fault.statements] == ["SELECT", "UPDATE"]
    assert call(person.pair) == "ok"
    assert kinds(person.pair) == ["signed_in"]


@pytest.mark.parametrize(
    "deed", ["login", "logout", "revoke", "revoke others", "open family", "use"]
)
def test_is_raised_by(deed):
    person, fault = Actor(), Fault(error=LASTING["no such table"], on=1, lasting=True)
    with connection.execute_wrapper(fault), pytest.raises(OperationalError):
        SCENARIOS[deed].do(person)
    assert len(fault.statements) == 1
    assert person.live == {person.pair.session.pk, person.other.session.pk}


def test_a_real_one():
    """The table is not there: nothing of the database's own errors is taken for a passing one."""
    person = Actor()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE refresh_sessions_tokenfamily RENAME TO hidden")
    try:
        with statements_seen() as seen, pytest.raises(DatabaseError):
            person.refresh()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE hidden RENAME TO refresh_sessions_tokenfamily")
    assert len(seen) == 1
    assert person.refresh().status_code == 200
