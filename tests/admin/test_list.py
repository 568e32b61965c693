import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refresh_sessions.models import DeviceSession, RevokedReason
from refresh_sessions.sessions import revoke_session
from tests.factories import UserFactory, make_pair

# The admin's session and its user, their own and their groups' permissions, the count, the
# sessions with their users, the families.
QUERIES = 7


def test_a_row_says_whose_which_device_whence_and_until_when(pages, make_session):
    session = make_session(name="Kitchen tablet", user_agent="Tablet/1.0", ip_address="192.0.2.7")
    page = pages.list().text
    for text in (str(session.user), "Kitchen tablet", session.device, "192.0.2.7", "Live"):
        assert text in page
    columns = ("user", "device", "address", "created_at", "last_used", "expires_at", "state")
    assert all(f"field-{column}" in page for column in columns)


def test_a_row_says_why_a_session_was_ended(pages, make_session):
    make_session(status="revoked", reason=RevokedReason.REUSE)
    # Once among the filters, once in the row.
    assert pages.list().text.count("A used refresh token came back") == 2


@pytest.mark.parametrize("number", [5, 100])
def test_the_number_of_queries_does_not_grow_with_the_rows(pages, number):
    for turn in range(number):
        session = make_pair(UserFactory.create()).session
        if turn % 2:
            revoke_session(session, reason="logout", by=session.user)
    pages.list()  # content types and site are read once per process
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = pages.list()
    assert len(response.context["cl"].result_list) == number
    assert len(queries) == QUERIES


def test_newest_sign_ins_come_first(pages, make_session):
    sessions = [make_session() for _ in range(3)]
    listed = [session.pk for session in pages.list().context["cl"].result_list]
    assert listed == [session.pk for session in reversed(sessions)]


@pytest.mark.parametrize("status", ["live", "expired", "revoked"])
def test_the_status_filter_keeps_those_of_one_status(pages, make_session, status):
    sessions = {name: make_session(status=name) for name in ("live", "expired", "revoked")}
    assert pages.listed(status=status) == {sessions[status].pk}


def test_an_unknown_status_filters_nothing(pages, make_session):
    session = make_session()
    assert pages.listed(status="asleep") == {session.pk}


def test_the_reason_filter_keeps_those_of_one_reason(pages, make_session):
    make_session()
    make_session(status="revoked", reason=RevokedReason.LOGOUT)
    stolen = make_session(status="revoked", reason=RevokedReason.REUSE)
    assert pages.listed(reason="reuse") == {stolen.pk}


def test_the_reason_filter_offers_the_known_reasons_whatever_the_table_holds(pages, make_session):
    make_session(status="revoked", reason="moved out")
    page = pages.list().text
    assert all(f"?reason={reason}" in page for reason in RevokedReason.values)
    assert "?reason=moved" not in page


def test_a_reason_of_the_projects_own_works_in_the_address(pages, make_session):
    make_session()
    moved = make_session(status="revoked", reason="moved out")
    assert pages.listed(reason="moved out") == {moved.pk}


def test_filters_can_be_counted(pages, make_session):
    for status in ("live", "live", "revoked"):
        make_session(status=status)
    page = pages.list(_facets="True").text
    for text in ("Live (2)", "Expired (0)", "Revoked (1)", "Signed out (1)", "Ended by staff (0)"):
        assert text in page


@pytest.mark.parametrize(
    "term",
    ["grace@", "kitchen", "192.0.2.", "grace@ kitchen", "ID", "ID without dashes"],
)
def test_search_finds_user_device_address_and_id(pages, make_session, term):
    grace = UserFactory.create(username="grace@example.org")
    wanted = make_session(grace, name="Kitchen tablet", ip_address="192.0.2.7")
    make_session(name="Phone", ip_address="198.51.100.192")
    if term == "ID":
        term = str(wanted.pk)
    elif term.startswith("ID"):
        term = wanted.pk.hex
    assert pages.listed(q=term) == {wanted.pk}


def test_search_finds_nothing_by_a_digest(pages, make_session):
    session = make_session()
    assert pages.listed(q=session.auth_hash) == set()


def test_search_covers_the_email_address_of_users_who_have_one(pages, make_session):
    user = UserFactory.create()
    field = get_user_model().get_email_field_name()
    setattr(user, field, "only@mail.example.org")
    user.save()
    wanted = make_session(user)
    make_session()
    assert pages.listed(q="only@mail") == {wanted.pk}


def test_all_sessions_of_one_user_are_a_link_away(pages, make_session):
    user = UserFactory.create()
    sessions = {make_session(user).pk, make_session(user, status="revoked").pk}
    make_session()
    page = pages.open(DeviceSession.objects.get(pk=sessions.pop()))
    listed = pages.client.get(page.context["user_sessions_url"])
    assert {session.user_id for session in listed.context["cl"].result_list} == {user.pk}
    assert listed.context["cl"].result_count == 2
