"""Layouts of a sharded database, and the shards that a statement touches in each."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from django.contrib.auth import get_user_model

from tests.scaling.statements import Statement, Values

SHARDS = 64

USERS = get_user_model()._meta.db_table
SESSIONS = "refresh_sessions_devicesession"
FAMILIES = "refresh_sessions_tokenfamily"
EVENTS = "refresh_sessions_sessionevent"
ATTEMPTS = "refresh_sessions_proofattempts"

Change = Callable[[Statement], Statement]


@dataclass(frozen=True)
class Layout:
    """The column that decides the shard of each table, and a change of the statements."""

    keys: Mapping[str, str]
    """Tables without a key are copied to every shard."""
    change: Change = lambda statement: statement
    """What the package would have to send instead."""

    def shards(self, statement: Statement) -> frozenset[int]:
        """The shards that have to execute the statement.

        A statement that joins tables by another column than their keys reads rows of each table
        from all shards.
        """
        sent = self.change(statement)
        found: set[int] = set()
        distributed = sent.tables & self.keys.keys()
        for table in distributed:
            values = sent.values((table, self.keys[table]))
            if values is None:
                return frozenset(range(SHARDS))
            found |= {shard_of(value) for value in values}
        if distributed:
            return frozenset(found)
        # A change of a copied table is a change on every shard; a read needs one.
        return frozenset(range(SHARDS)) if sent.writes else frozenset({0})


def shard_of(value: str) -> int:
    return zlib.crc32(value.encode()) % SHARDS


@dataclass(frozen=True)
class Owners:
    """The session of each family, and the user of each session: what the tokens tell as well."""

    sessions: dict[str, str] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)

    def add_session_ids(self, statement: Statement) -> Statement:
        """Add the session of the token to conditions on its family."""
        families = statement.values((FAMILIES, "id"))
        return self._fix(statement, (FAMILIES, "session_id"), families, self.sessions)

    def add_user_ids(self, statement: Statement) -> Statement:
        """Add the user of the token to all conditions on sessions, families and events.

        Families and events have a column for the user; a join with their session compares it.
        """
        sent = self.add_session_ids(statement)
        owners = [((table, "user_id"), (SESSIONS, "user_id")) for table in (FAMILIES, EVENTS)]
        sent = replace(sent, joined=[*sent.joined, *owners])
        for table, column in ((SESSIONS, "id"), (FAMILIES, "session_id"), (EVENTS, "session_id")):
            sessions = sent.values((table, column))
            sent = self._fix(sent, (table, "user_id"), sessions, self.users)
        return sent

    def _fix(
        self,
        statement: Statement,
        column: tuple[str, str],
        keys: Values | None,
        owners: Mapping[str, str],
    ) -> Statement:
        known = column[0] not in statement.tables or statement.values(column) is not None
        if known or keys is None:
            return statement
        values = frozenset(owners[key] for key in keys)
        return replace(statement, fixed={**statement.fixed, column: values})


def layouts(owners: Owners) -> dict[str, Layout]:
    """The layouts of ``docs/scaling.md``."""
    by_session = {SESSIONS: "id", FAMILIES: "session_id", EVENTS: "session_id"}
    by_user = {SESSIONS: "user_id", FAMILIES: "user_id", EVENTS: "user_id", USERS: "id"}
    return {
        "session": Layout(by_session),
        "session, with its id": Layout(by_session, owners.add_session_ids),
        "user": Layout({**by_user, ATTEMPTS: "user_id"}),
        "user, with its id": Layout({**by_user, ATTEMPTS: "user_id"}, owners.add_user_ids),
    }
