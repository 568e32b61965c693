"""Fill PostgreSQL with a million sessions, in the proportions of a busy project.

Sessions last seven days and are retained for thirty: eight of ten are past their deadline, and
some of the others were revoked before it. Few are revoked because of reuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, connections

from refresh_sessions.users import get_auth_hash, get_password_fingerprint

USERS: Final = 200_000
SESSIONS: Final = 1_000_000
EVENTS_OF_A_SESSION: Final = 3

_USERS = """
    INSERT INTO auth_user (
        password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
        date_joined
    )
    SELECT '!', false, format('person%%s', n), 'Ada', 'Lovelace',
        format('person%%s@example.org', n), false, true, now() - interval '1 year'
    FROM generate_series(1, %(users)s) n
    ORDER BY n
"""

# Users who log in often have the low numbers. The rows of sessions are in the order of their
# logins, as in a table that has grown.
_SESSIONS = """
    INSERT INTO refresh_sessions_devicesession (
        id, user_id, name, name_folded, user_agent, client_hints, kind, ip_address, created_at,
        expires_at, revoked_at, revoked_reason, auth_hash, password_fingerprint
    )
    SELECT
        gen_random_uuid(),
        (SELECT min(id) FROM auth_user) + floor((%(users)s - 1) * power(random(), 2)),
        called, lower(called),
        'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like '
            'Gecko) Version/18.1 Mobile/15E148 Safari/604.1 build/' || n %% 997,
        '{}',
        CASE
            WHEN dice < 0.55 THEN 'phone'
            WHEN dice < 0.93 THEN 'computer'
            WHEN dice < 0.999 THEN 'tablet'
            ELSE 'other'
        END,
        CASE
            -- Everybody in one large office.
            WHEN place < 0.05 THEN inet '203.0.113.7'
            WHEN place < 0.8 THEN inet '10.0.0.0' + (n * 7919::bigint) %% 16000000
            ELSE inet '2001:db8::' + (n * 7919::bigint)
        END,
        born, born + interval '7 days',
        CASE WHEN ending <> '' THEN born + ended * interval '7 days' END,
        ending,
        %(auth_hash)s, %(fingerprint)s
    FROM (
        SELECT
            n, dice, chance, place, ended, born,
            CASE
                WHEN dice < 0.6 THEN ''
                WHEN dice < 0.8 THEN format('iPhone of person %%s', n %% 5000)
                WHEN dice < 0.999 THEN format('Person %%s''s laptop', n %% 5000)
                ELSE 'Kitchen tablet'
            END AS called,
            CASE
                -- Whose end still lies ahead is live.
                WHEN born + ended * interval '7 days' > now() THEN ''
                WHEN chance < 0.40 THEN 'logout'
                WHEN chance < 0.45 THEN 'user'
                WHEN chance < 0.50 THEN 'session_limit'
                WHEN chance < 0.52 THEN 'password_changed'
                WHEN chance < 0.522 THEN 'admin'
                WHEN chance < 0.5225 THEN 'reuse'
                ELSE ''
            END AS ending
        FROM (
            SELECT
                n, random() AS dice, random() AS chance, random() AS place, random() AS ended,
                now() - interval '37 days' * (1 - n / %(sessions)s::float) AS born
            FROM generate_series(1, %(sessions)s) n
        ) AS thrown
    ) AS lives
    ORDER BY n
"""

# One session of twenty has a second process, and one of ten is bound to a key.
_FAMILIES = """
    INSERT INTO refresh_sessions_tokenfamily (
        id, session_id, secret_digest, generation, rotated_at, idle_expires_at, last_ip_address,
        last_user_agent, authentication_methods, companion_digest, recoveries_by_others,
        binding, key_thumbprint, public_key
    )
    SELECT gen_random_uuid(), id, repeat('0', 64), 40,
        created_at + (least(now(), coalesce(revoked_at, expires_at)) - created_at) * random(),
        expires_at,
        ip_address, user_agent, '["pwd"]', '', 0,
        CASE WHEN bound THEN 'dpop' ELSE '' END,
        CASE WHEN bound THEN repeat('k', 43) ELSE '' END,
        ''
    FROM refresh_sessions_devicesession, generate_series(1, 20) family,
        LATERAL (SELECT abs(hashtext(id::text)) %% 10 = 0 AS bound) AS key
    WHERE family = 1 OR (family = 2 AND abs(hashtext(id::text)) %% 20 = 0)
    ORDER BY created_at
"""

_EVENTS = """
    INSERT INTO refresh_sessions_sessionevent (
        session_id, kind, created_at, ip_address, actor_id, details
    )
    SELECT id, happened.kind, at, ip_address, NULL, '{}'
    FROM refresh_sessions_devicesession, LATERAL (
        VALUES
            ('signed_in', created_at),
            (
                CASE revoked_reason
                    WHEN 'logout' THEN 'signed_out'
                    WHEN 'session_limit' THEN 'limit_reached'
                    WHEN 'reuse' THEN 'reuse_detected'
                    ELSE 'revoked'
                END,
                revoked_at
            )
    ) AS happened (kind, at)
    WHERE at IS NOT NULL
    ORDER BY at
"""

_MORE_EVENTS = """
    INSERT INTO refresh_sessions_sessionevent (
        session_id, kind, created_at, ip_address, actor_id, details
    )
    SELECT id, 'reauthenticated', created_at + number * interval '1 hour', ip_address, user_id,
        '{}'
    FROM refresh_sessions_devicesession, generate_series(1, %(each)s) number
    ORDER BY created_at
    LIMIT greatest(0, %(events)s - (SELECT count(*) FROM refresh_sessions_sessionevent))
"""


_CONSTRAINTS = """
    SELECT conrelid::regclass, conname, pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE contype IN ('f', 'p') AND conrelid::regclass::text LIKE 'refresh_sessions_%%'
    ORDER BY contype
"""
_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename IN (
        'refresh_sessions_devicesession',
        'refresh_sessions_tokenfamily',
        'refresh_sessions_sessionevent'
    )
"""


def fill(*, sessions: int = SESSIONS, users: int = USERS, using: str = DEFAULT_DB_ALIAS) -> None:
    """Fill the empty tables of a database and gather the planner's statistics."""
    events = EVENTS_OF_A_SESSION * sessions
    model = get_user_model()
    # A hash of no password; all users have it.
    user = model(password="!")
    values: dict[str, Any] = {
        "users": users,
        "sessions": sessions,
        "events": events,
        "each": EVENTS_OF_A_SESSION,
        "auth_hash": get_auth_hash(user),
        "fingerprint": get_password_fingerprint(user),
    }
    with connections[using].cursor() as cursor, _without_constraints(cursor):
        cursor.execute("SELECT setseed(0.5)")
        for statement in (_USERS, _SESSIONS, _FAMILIES, _EVENTS, _MORE_EVENTS):
            cursor.execute(statement, values)
    with connections[using].cursor() as cursor:
        # Index-only scans need what autovacuum does in production.
        cursor.execute("VACUUM ANALYZE")


@contextmanager
def _without_constraints(cursor: Any) -> Iterator[None]:
    """Create indexes, and check foreign keys, once at the end instead of for each row."""
    cursor.execute(_CONSTRAINTS, ())
    constraints = cursor.fetchall()
    for table, name, _ in constraints:
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    cursor.execute(_INDEXES, ())
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    yield
    for _, definition in indexes:
        cursor.execute(definition)
    # Without statistics PostgreSQL checks foreign keys with a nested loop.
    cursor.execute("ANALYZE")
    # Primary keys before the foreign keys that refer to them.
    for table, name, definition in reversed(constraints):
        cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
