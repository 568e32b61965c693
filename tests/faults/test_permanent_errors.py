"""Permanent errors: raised at once, never retried or answered with 503."""

import pytest
from django.db import DatabaseError, OperationalError, connection

from tests.domain.client_actions import call, kinds
from tests.faults.errors import PERMANENT
from tests.faults.injection import Fault, recorded_statements
from tests.faults.scenarios import SCENARIOS, Actor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("error", PERMANENT)
def test_refresh_permanent_error_is_raised_without_retry(error):
    actor = Actor()
    fault = Fault(error=PERMANENT[error], on=2, permanent=True)
    with connection.execute_wrapper(fault), pytest.raises(type(PERMANENT[error]())):
        actor.refresh()
    assert [statement.split()[0] for statement in fault.statements] == ["SELECT", "UPDATE"]
    assert call(actor.pair) == "ok"
    assert kinds(actor.pair) == ["signed_in"]


@pytest.mark.parametrize(
    "name", ["login", "logout", "revoke", "revoke others", "open family", "call view"]
)
def test_request_permanent_error_is_raised_without_retry(name):
    actor, fault = Actor(), Fault(error=PERMANENT["no such table"], on=1, permanent=True)
    with connection.execute_wrapper(fault), pytest.raises(OperationalError):
        SCENARIOS[name].do(actor)
    assert len(fault.statements) == 1
    assert actor.live == {actor.pair.session.pk, actor.other.session.pk}


def test_refresh_missing_table_is_raised_without_retry():
    """A real error of the database is not mistaken for a transient one."""
    actor = Actor()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE refresh_sessions_tokenfamily RENAME TO hidden")
    try:
        with recorded_statements() as seen, pytest.raises(DatabaseError):
            actor.refresh()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE hidden RENAME TO refresh_sessions_tokenfamily")
    assert len(seen) == 1
    assert actor.refresh().status_code == 200
