"""Which statements of each operation a sharded database could send to one shard.

Captures the SQL that the package sends, and counts the shards of each statement in the layouts of
``docs/scaling.md``. The page shows the results.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import revoke_user_sessions
from tests.api.client import Client
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.scaling.layouts import SHARDS, Owners, layouts
from tests.scaling.statements import parse

pytestmark = pytest.mark.django_db(transaction=True)

REFRESHES = 50_000
"""Per second."""

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"


class Session:
    """A user with several sessions, and the requests of one of them."""

    def __init__(self):
        self.user = UserFactory()
        # On many shards, so that a statement for all of them is seen as such.
        self.others = [make_pair(self.user) for _ in range(12)]
        self.pair = make_pair(self.user)
        self.api = Client()

    def log_in(self):
        body = {"username": self.user.get_username(), "password": PASSWORD}
        return self.api.post("login/", body)

    def call(self):
        headers = {"authorization": f"Bearer {self.pair.access}"}
        return self.api.raw.get("/who-am-i/", headers=headers)

    def refresh(self):
        return self.api.post("refresh/", {"refresh": self.pair.refresh})

    def log_out(self):
        return self.api.post("logout/", {"refresh": self.pair.refresh})

    def list_sessions(self):
        return self.api.get("sessions/", access=self.pair.access)

    def revoke_user(self):
        assert revoke_user_sessions(self.user, reason="admin") == 13


OPERATIONS: dict[str, Callable[[Session], object]] = {
    "login": Session.log_in,
    "request": Session.call,
    "refresh": Session.refresh,
    "logout": Session.log_out,
    "list": Session.list_sessions,
    "revoke user": Session.revoke_user,
}


def captured(do: Callable[[], object]) -> list[tuple[str, tuple]]:
    seen: list[tuple[str, tuple]] = []

    def watch(execute, sql, params, many, context):
        seen.append((sql, tuple(params or ())))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        do()
    return [(sql, params) for sql, params in seen if sql.startswith(QUERIES)]


QUERIES = ("SELECT", "INSERT", "UPDATE", "DELETE")


def known_owners() -> Owners:
    def text(key):
        return str(key).replace("-", "")

    return Owners(
        sessions={
            text(pk): text(session)
            for pk, session in TokenFamily.objects.values_list("pk", "session_id")
        },
        users={
            text(pk): text(user) for pk, user in DeviceSession.objects.values_list("pk", "user_id")
        },
    )


def count_shards(operation: str) -> dict[str, list[int]]:
    """The number of shards of each statement of an operation, by layout."""
    session = Session()
    statements = captured(lambda: OPERATIONS[operation](session))
    parsed = [parse(sql, params) for sql, params in statements]
    return {
        name: [len(layout.shards(statement)) for statement in parsed]
        for name, layout in layouts(known_owners()).items()
    }


def describe(shards: list[int]) -> str:
    """Name the shards of the statement that needs most."""
    return {1: "one", SHARDS: "all"}.get(max(shards), "several")


def rows_of_page() -> dict[str, list[str]]:
    """The table of the page: the cells of each operation."""
    rows = re.findall(r"^\| (\w[\w ]*?) \|((?: [^|]+\|)+)$", PAGE.read_text(), re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")[:-1]] for name, cells in rows}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_shards_of_operation_are_those_of_page(operation):
    found = {layout: describe(shards) for layout, shards in count_shards(operation).items()}
    assert list(found.values()) == rows_of_page()[operation]


@pytest.mark.parametrize(("operation", "by_session"), [("request", {1}), ("refresh", {1, SHARDS})])
def test_frequent_operation_by_user_needs_the_user_in_its_statements(operation, by_session):
    """As sent, the UPDATE of a refresh names its family alone, and no statement fixes the user."""
    shards = count_shards(operation)
    assert set(shards["session"]) == by_session
    assert set(shards["user"]) == {SHARDS}
    assert set(shards["user, with its id"]) == set(shards["session, with its id"]) == {1}


def test_look_ups_of_all_refreshes_are_those_of_page():
    found = {layout: sum(shards) for layout, shards in count_shards("refresh").items()}
    page = " ".join(PAGE.read_text().split())
    by_session, by_user = (found[name] * REFRESHES / 1e6 for name in ("session", "user"))
    assert f"{REFRESHES:,} refreshes per second are {by_session:.2f} million look-ups" in page
    assert f"instead of {found['session, with its id'] * REFRESHES:,}" in page
    assert f"no statement as sent names a shard: {by_user:.1f} million" in page


@pytest.mark.parametrize("operation", OPERATIONS)
def test_statements_have_no_alternatives_that_the_parser_overlooks(operation):
    """It would take one side of an OR for a condition of all rows."""
    session = Session()
    for sql, _ in captured(lambda: OPERATIONS[operation](session)):
        assert " OR " not in sql
