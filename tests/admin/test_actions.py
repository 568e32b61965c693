import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connections
from django.urls import reverse

from refresh_sessions.admin import confirmation, revoke
from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.models import DeviceSession, SessionEvent
from refresh_sessions.sessions import revoke as sessions_revoke, revoke_session, revoke_sessions
from tests.admin.pages import LIST, hidden_fields, messages_of
from tests.factories import UserFactory, make_pair

ACTIONS = ["revoke_selected", "sign_out_everywhere"]


def live() -> set:
    return set(DeviceSession.objects.active().values_list("pk", flat=True))


def logged() -> set[str | None]:
    return set(LogEntry.objects.values_list("object_id", flat=True))


@pytest.mark.parametrize("action", ACTIONS)
def test_revoke_action_without_confirmation_revokes_nothing(pages, make_session, action):
    session = make_session()
    question = pages.act(action, [session])
    assert "Yes, revoke" in question.text
    assert live() == {session.pk}


@pytest.mark.parametrize("action", ACTIONS)
def test_revoke_confirmation_names_selected_sessions(pages, make_session, action):
    session = make_session(name="Kitchen tablet", ip_address="192.0.2.7")
    make_session(name="Another phone")
    question = pages.act(action, [session]).text
    for text in (str(session.user), "Kitchen tablet", "192.0.2.7", "1 session"):
        assert text in question
    assert "Another phone" not in question


def test_revoke_selected_confirmed_revokes_selected_sessions_only(pages, revoker, make_session):
    user = UserFactory.create()
    first, second, spared = (make_session(user) for _ in range(3))
    response = pages.confirm(pages.act("revoke_selected", [first, second]))
    assert messages_of(response) == ["2 sessions were revoked."]
    assert live() == {spared.pk}
    first.refresh_from_db()
    assert (first.revoked_reason, first.revoked_by) == ("admin", revoker)


def test_revoked_event_by_staff_has_actor_with_ip_address(pages, revoker, make_session):
    session = make_session()
    pages.confirm(pages.act("revoke_selected", [session]))
    event = SessionEvent.objects.get(session=session, kind="revoked")
    assert (event.actor, event.ip_address) == (revoker, "127.0.0.1")


def test_revoke_selected_confirmed_adds_log_entry_per_session(pages, revoker, make_session):
    first, second, spared = (make_session() for _ in range(3))
    pages.confirm(pages.act("revoke_selected", [first, second]))
    assert logged() == {str(first.pk), str(second.pk)}
    entry = LogEntry.objects.filter(object_id=str(first.pk)).get()
    assert (entry.user, entry.action_flag) == (revoker, CHANGE)
    assert entry.get_change_message() == "Revoked."
    assert str(spared.pk) not in logged()


def test_revoke_selected_ended_sessions_stay_unchanged(pages, make_session):
    fresh = [make_session(), make_session()]
    before = make_session(status="revoked")
    expired = make_session(status="expired")
    question = pages.act("revoke_selected", [*fresh, before])
    assert "1 selected session has already ended" in question.text
    response = pages.confirm(pages.act("revoke_selected", [*fresh, before, expired]))
    assert messages_of(response) == ["2 sessions were revoked. 2 had already ended."]
    before.refresh_from_db()
    expired.refresh_from_db()
    assert (before.revoked_reason, expired.revoked_reason) == ("logout", "")
    assert logged() == {str(session.pk) for session in fresh}


@pytest.mark.parametrize("action", ACTIONS)
def test_revoke_action_without_live_session_skips_confirmation(pages, make_session, action):
    response = pages.act(action, [make_session(status="expired")])
    assert response.status_code == 302
    assert messages_of(response) == ["There was no live session to revoke."]


@pytest.mark.parametrize("action", ACTIONS)
def test_revoke_action_confirmed_twice_revokes_once(pages, make_session, action):
    question = pages.act(action, [make_session()])
    pages.confirm(question)
    response = pages.confirm(question)
    assert messages_of(response)[-1] == "There was no live session to revoke."
    assert LogEntry.objects.count() == 1


def test_sign_out_everywhere_confirmed_revokes_all_sessions_of_users(pages, make_session):
    anna, bruno = UserFactory.create(), UserFactory.create()
    of_anna = [make_session(anna), make_session(anna)]
    of_bruno = [make_session(bruno), make_session(bruno, status="expired")]
    other = make_session()
    question = pages.act("sign_out_everywhere", [of_anna[0], of_bruno[1]])
    assert "sign these 2 users out everywhere" in question.text
    assert "3 sessions" in question.text
    response = pages.confirm(question)
    assert messages_of(response) == ["3 sessions were revoked."]
    assert live() == {other.pk}
    assert logged() == {str(session.pk) for session in (*of_anna, of_bruno[0])}


@pytest.mark.parametrize("action", ACTIONS)
def test_revoke_action_across_pages_revokes_filtered_sessions(pages, make_session, action):
    chosen = [make_session(name="Kitchen tablet") for _ in range(3)]
    other = make_session(name="Phone")
    question = pages.act(action, chosen[:1], across=True, q="kitchen")
    assert "3 sessions" in question.text
    pages.confirm(question)
    assert live() == {other.pk}


def test_revoke_confirmation_across_pages_has_one_selection_field(pages, make_session):
    sessions = [make_session() for _ in range(3)]
    fields = hidden_fields(pages.act("revoke_selected", sessions[:1], across=True))
    assert fields["select_across"] == ["1"]
    assert fields["_selected_action"] == [str(sessions[0].pk)]


def test_revoke_confirmation_many_sessions_shows_some_with_full_count(
    pages, make_session, monkeypatch
):
    monkeypatch.setattr(confirmation, "SHOWN", 2)
    sessions = [make_session(name=f"Device number {number}") for number in range(5)]
    question = pages.act("revoke_selected", sessions).text
    assert question.count("Device number") == 2
    assert "5 sessions" in question
    assert "and 3 more" in question


@pytest.mark.parametrize("action", ACTIONS)
def test_revoke_confirmation_more_sessions_take_no_extra_query(
    pages, make_session, action, django_assert_num_queries
):
    few, many = [[make_session() for _ in range(number)] for number in (2, 20)]
    pages.act(action, few)
    # Request user and permissions (4); the counts of the list, of the live sessions, and of the
    # selected sessions or users; the sessions; their families.
    for sessions in (few, many):
        with django_assert_num_queries(9):
            pages.act(action, sessions)


def test_revoke_selected_session_revoked_meanwhile_is_not_counted(
    pages, revoker, make_session, monkeypatch
):
    ours, theirs = make_session(), make_session()
    colleague = UserFactory.create(is_staff=True)

    def revoke_second(sessions, **kwargs):
        revoke_session(theirs, reason="admin", by=colleague)
        return revoke_sessions(sessions, **kwargs)

    monkeypatch.setattr(revoke, "revoke_sessions", revoke_second)
    response = pages.confirm(pages.act("revoke_selected", [ours, theirs]))
    assert messages_of(response) == ["1 session was revoked. 1 had already ended."]
    assert logged() == {str(ours.pk)}
    theirs.refresh_from_db()
    assert theirs.revoked_by == colleague


def test_revoke_selected_many_sessions_are_revoked_in_batches(pages, make_session, monkeypatch):
    monkeypatch.setattr(sessions_revoke, "BATCH_SIZE", 2)
    sessions = [make_session() for _ in range(5)]
    response = pages.confirm(pages.act("revoke_selected", sessions))
    assert messages_of(response) == ["5 sessions were revoked."]
    assert live() == set()
    assert len(logged()) == 5


def test_revoke_selected_database_busy_logs_sessions_revoked_before(
    pages, make_session, monkeypatch
):
    calls = []

    def revoke_then_fail(*args, **kwargs):
        calls.append(args)
        if len(calls) == 2:
            raise DatabaseBusyError
        return revoke_sessions(*args, **kwargs)

    monkeypatch.setattr(sessions_revoke, "BATCH_SIZE", 1)
    monkeypatch.setattr(revoke, "revoke_sessions", revoke_then_fail)
    response = pages.confirm(pages.act("revoke_selected", [make_session(), make_session()]))
    assert messages_of(response) == ["The service is busy. Please try again shortly."]
    assert logged() == {
        str(pk) for pk in DeviceSession.objects.revoked().values_list("pk", flat=True)
    }
    assert len(logged()) == 1


@pytest.mark.parametrize("action", ACTIONS)
def test_revoke_confirmation_cancel_link_keeps_filters(pages, make_session, action):
    question = pages.act(action, [make_session()], status="live")
    back = reverse(LIST, query={"status": "live"})
    assert f'<a role="button" href="{back}"' in question.text


@pytest.mark.parametrize("action", ACTIONS)
def test_access_token_session_revoked_in_admin_is_refused(pages, client, user, bearer, action):
    pair = make_pair(user)
    url = reverse("refresh_sessions:session-list")
    assert client.get(url, headers=bearer(pair)).status_code == 200
    pages.confirm(pages.act(action, [pair.session]))
    response = client.get(url, headers=bearer(pair))
    assert (response.status_code, response.json()["code"]) == (401, "session_revoked")


def test_revoke_action_with_atomic_requests_revokes_session(pages, make_session, monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    session = make_session()
    pages.confirm(pages.act("revoke_selected", [session]))
    assert live() == set()
    assert logged() == {str(session.pk)}
