"""Sessions for the pruning benchmark, multiplied by INSERT … SELECT on each database."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import connection, models, transaction
from django.db.models.signals import pre_delete
from django.utils import timezone

from refresh_sessions.batches import PRUNE_BATCH_SIZE
from refresh_sessions.bulk_delete import BulkDeletion
from refresh_sessions.models import DeviceSession, ProofAttempts, SessionEvent, TokenFamily
from refresh_sessions.users import get_auth_hash, get_password_fingerprint

SESSIONS_OF_A_USER: Final = 500
EVENTS: Final = 2
"""Events of a session."""

_TABLES: Final = [model._meta.db_table for model in (SessionEvent, TokenFamily, DeviceSession)]

_RANDOM_UUID: Final = {
    "postgresql": "gen_random_uuid()",
    # UUID() is ordered by time there. The type requires the digits of a version and a variant.
    "mysql": "insert(insert(md5(uuid()), 13, 1, '4'), 17, 1, '8')",
    "sqlite": "lower(hex(randomblob(16)))",
}
_LATER: Final = {
    "postgresql": "original.{column} + n * interval '1 second'",
    "mysql": "original.{column} + INTERVAL n SECOND",
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', original.{column}, n || ' seconds')",
}
_STATISTICS: Final = {
    "postgresql": ["VACUUM ANALYZE"],
    "mysql": [f"ANALYZE TABLE {', '.join(_TABLES)}"],
    "sqlite": ["ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"],
}


def fill(number: int, *, expired: bool) -> None:
    """Add sessions with one family and some events each, and gather the planner's statistics."""
    for start in range(0, number, SESSIONS_OF_A_USER):
        with transaction.atomic():
            _fill_user(min(SESSIONS_OF_A_USER, number - start), start, expired=expired)
    with connection.cursor() as cursor:
        for statement in _STATISTICS[connection.vendor]:
            cursor.execute(statement)
            if cursor.description:
                cursor.fetchall()


def fill_attempts(number: int) -> None:
    """Add expired attempt counts."""
    user = get_user_model().objects.create_user(f"filled{get_user_model().objects.count()}")
    expired = timezone.now() - timedelta(days=1)
    ProofAttempts.objects.bulk_create(
        (
            ProofAttempts(
                digest=secrets.token_hex(32),
                user=user,
                expires_at=expired + timedelta(milliseconds=position),
            )
            for position in range(number)
        ),
        batch_size=1000,
    )


def clear() -> None:
    """Delete all expired rows that a subject has left."""
    delete_plainly()
    delete_attempts_plainly()


def count_rows() -> tuple[int, ...]:
    """The numbers of sessions, families, events and attempt counts."""
    models_ = (DeviceSession, TokenFamily, SessionEvent, ProofAttempts)
    return tuple(model.objects.count() for model in models_)


def delete_plainly() -> None:
    """Delete the expired sessions with their families and events, as one would in SQL."""
    events, families, sessions = _TABLES
    expired = f"SELECT id FROM {sessions} WHERE expires_at <= %s"  # noqa: S608
    _delete(
        f"{events} WHERE session_id IN ({expired})",
        f"{families} WHERE session_id IN ({expired})",
        f"{sessions} WHERE expires_at <= %s",
    )


def delete_events_plainly() -> None:
    """Delete the events of the expired sessions, as one would in SQL."""
    events, _, sessions = _TABLES
    expired = f"SELECT id FROM {sessions} WHERE expires_at <= %s"  # noqa: S608
    _delete(f"{events} WHERE session_id IN ({expired})")


def delete_attempts_plainly() -> None:
    """Delete the expired attempt counts, as one would in SQL."""
    _delete(f"{ProofAttempts._meta.db_table} WHERE expires_at <= %s")


def delete_in_batches(batch_size: int = PRUNE_BATCH_SIZE) -> None:
    """Delete the expired sessions as pruning does, without its search among live sessions."""
    rows = DeviceSession.objects.filter(expires_at__lte=timezone.now())
    children: dict[Any, str] = {SessionEvent: "session", TokenFamily: "session"}
    deletion = BulkDeletion(rows=rows, oldest_by="expires_at", children=children)
    deletion.execute(batch_size=batch_size)


def in_batches_of(batch_size: int) -> Callable[[], None]:
    """The same function for a batch size."""
    return lambda: delete_in_batches(batch_size)


def cascade() -> None:
    """Delete them while a receiver is connected, which needs each object."""

    def receive(**_: object) -> None:
        pass

    pre_delete.connect(receive, sender=DeviceSession)
    delete_in_batches()
    pre_delete.disconnect(receive, sender=DeviceSession)


def _delete(*deletions: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for deletion in deletions:
            cursor.execute(f"DELETE FROM {deletion}", [timezone.now()])  # noqa: S608


def _fill_user(number: int, start: int, *, expired: bool) -> None:
    users = get_user_model().objects
    user = users.create_user(f"filled{users.count()}")
    now = timezone.now()
    session = DeviceSession.objects.create(
        user=user,
        name="Phone",
        user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15",
        client_hints="{}",
        ip_address="203.0.113.7",
        created_at=now - timedelta(days=100) + timedelta(seconds=start),
        expires_at=now + timedelta(days=-90 if expired else 100) + timedelta(seconds=start),
        # As after a login, so that no session counts as locked out by its account.
        auth_hash=get_auth_hash(user),
        password_fingerprint=get_password_fingerprint(user),
    )
    TokenFamily.objects.create(
        session=session,
        secret_digest="0" * 64,
        generation=40,
        idle_expires_at=session.expires_at,
        last_ip_address=session.ip_address,
        last_user_agent=session.user_agent,
        authentication_methods=["pwd"],
    )
    for _ in range(EVENTS):
        SessionEvent.objects.create(
            session=session, kind="signed_in", created_at=session.created_at
        )
    _multiply(session, number)


def _multiply(session: DeviceSession, number: int) -> None:
    """Copy a session with its family and events ``number - 1`` times."""
    random, later = _RANDOM_UUID[connection.vendor], _LATER[connection.vendor]
    times = {name: later.format(column=name) for name in ("created_at", "expires_at")}
    numbers = (
        "(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers "  # noqa: S608
        f"WHERE n < {number - 1}) SELECT n FROM numbers) AS numbers"
    )
    key = DeviceSession._meta.pk.get_db_prep_value(session.pk, connection)
    if number > 1:
        _insert(DeviceSession, {"id": random, **times}, numbers, "original.id = %s", [key])
    copies = f"{DeviceSession._meta.db_table} AS copied"
    condition = "copied.user_id = %s AND copied.id <> %s AND original.session_id = %s"
    parameters = [session.user_id, key, key]
    columns = {"session_id": "copied.id"}
    _insert(TokenFamily, {"id": random, **columns}, copies, condition, parameters)
    _insert(SessionEvent, columns, copies, condition, parameters)


def _insert(
    model: type[models.Model],
    changes: Mapping[str, str],
    source: str,
    condition: str,
    parameters: Sequence[Any],
) -> None:
    """Copy rows of a model, with other expressions for some columns."""
    fields = model._meta.concrete_fields
    names = [str(field.column) for field in fields if not isinstance(field, models.AutoField)]
    values = [changes.get(name, f"original.{name}") for name in names]
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} "  # noqa: S608
            f"FROM {source}, {table} AS original WHERE {condition}",
            parameters,
        )
