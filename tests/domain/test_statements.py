"""New rows are written as ``Model.save`` writes them."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db.models.signals import post_save, pre_save

from refresh_sessions.database import DatabaseNow
from refresh_sessions.events.record import record_events
from refresh_sessions.models import DeviceSession, EventKind, SessionEvent, TokenFamily
from refresh_sessions.models.statements import insert, insert_silently, update
from tests.factories import make_pair
from tests.listeners import heard

pytestmark = pytest.mark.django_db

AT = datetime(2027, 10, 31, 1, 30, 0, 123456, tzinfo=UTC)


def new_session(user, _pair):
    return DeviceSession(
        user=user,
        name="  Zoë's\x00 phone 📱",
        user_agent="Shop/1.2\r\n%s %d",
        client_hints="Android\nPixel 7",
        ip_address="2001:db8::1",
        created_at=AT,
        expires_at=AT,
        auth_hash="0" * 64,
    )


def new_family(_user, pair):
    return TokenFamily(
        session=pair.session,
        secret_digest="1" * 64,
        idle_expires_at=AT,
        last_user_agent="a\nb",
        authentication_methods=["pwd", "o'tp"],
        opened_family=uuid4(),
    )


def new_event(user, pair):
    return SessionEvent(
        session=pair.session,
        kind=EventKind.REVOKED,
        created_at=AT,
        actor=user,
        details={"reason": "ä'\"%s", "nested": [None, True]},
    )


NEW = [new_session, new_family, new_event]


@pytest.mark.parametrize("build", NEW)
def test_inserted_row_equals_saved_row(user, pair, build):
    saved, inserted = build(user, pair), build(user, pair)
    saved.save(force_insert=True)
    known = set(type(saved).objects.values_list("pk", flat=True))
    insert(inserted, using="default")
    (row,) = type(saved).objects.exclude(pk__in=known).values()
    expected = type(saved).objects.values().get(pk=saved.pk)
    assert row.pop("id") != expected.pop("id")
    if build is new_family:
        assert row.pop("opened_family") != expected.pop("opened_family")
    assert row == expected


@pytest.mark.parametrize("build", [new_session, new_family])
def test_inserted_object_equals_its_row(user, pair, build):
    row = build(user, pair)
    insert(row, using="default")
    assert not row._state.adding
    assert row._state.db == "default"
    found = type(row).objects.get(pk=row.pk)
    names = [field.attname for field in row._meta.concrete_fields]
    assert [getattr(row, name) for name in names] == [getattr(found, name) for name in names]


def test_insert_sends_signals_of_save(user, pair):
    row = new_session(user, pair)
    with heard(pre_save) as before, heard(post_save) as after:
        insert(row, using="default")
    assert [(item["instance"], item["raw"]) for item in before] == [(row, False)]
    assert [(item["instance"], item["created"]) for item in after] == [(row, True)]


def test_silent_insert_sends_no_signals(user, pair):
    with heard(pre_save) as before, heard(post_save) as after:
        insert_silently(new_event(user, pair), using="default")
    assert before == after == []


def test_insert_accepts_expressions(user, pair, clock):
    event = new_event(user, pair)
    event.created_at = DatabaseNow()
    insert_silently(event, using="default")
    assert SessionEvent.objects.get(kind=EventKind.REVOKED).created_at == clock.now


def test_one_event_and_several_events_are_recorded_alike(user, rf):
    request = rf.get("/", REMOTE_ADDR="203.0.113.5")
    pairs = [make_pair(user) for _ in range(3)]
    ids = [pair.session.pk for pair in pairs]
    for recorded in (ids[:1], ids[1:]):
        record_events(
            recorded,
            EventKind.REVOKED,
            request=request,
            using="default",
            actor=user,
            details={"reason": "x"},
        )
    rows = SessionEvent.objects.filter(kind=EventKind.REVOKED)
    values = rows.values_list("ip_address", "actor", "details")
    assert list(values) == [("203.0.113.5", user.pk, {"reason": "x"})] * 3
    assert set(rows.values_list("session", flat=True)) == set(ids)


REVOKED = {
    "revoked_at": AT,
    "revoked_reason": "a\nb",
    "revoked_family": uuid4(),
    "revoked_generation": 7,
    "reuse_detected_at": None,
}


@pytest.mark.parametrize("number", [1, 3])
def test_updated_rows_equal_those_of_queryset(user, number):
    keys = [make_pair(user).session.pk for _ in range(2 * number)]
    ours, theirs = keys[:number], keys[number:]
    values = {**REVOKED, "revoked_by": user.pk}
    where = "revoked_at IS NULL"
    assert update(DeviceSession, ours, values, where=where, using="default") == number
    DeviceSession.objects.filter(pk__in=theirs).update(**values)
    rows = DeviceSession.objects.filter(revoked_by=user.pk).values_list(*REVOKED)
    assert len(rows) == 2 * number
    assert len(set(rows)) == 1


def test_update_changes_only_rows_that_meet_condition(user, clock):
    keys = [make_pair(user).session.pk for _ in range(3)]
    DeviceSession.objects.filter(pk=keys[0]).update(revoked_at=AT)
    values = {"revoked_at": DatabaseNow(), "revoked_reason": "x"}
    where = "revoked_at IS NULL"
    assert update(DeviceSession, keys[:2], values, where=where, using="default") == 1
    revoked = dict(DeviceSession.objects.values_list("pk", "revoked_at"))
    assert [revoked[key] for key in keys] == [AT, clock.now, None]
