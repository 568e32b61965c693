import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.urls import reverse

from refresh_sessions.admin import search
from refresh_sessions.admin.search import parse_address_prefix
from refresh_sessions.models import SessionEvent
from tests.factories import UserFactory


@pytest.fixture
def wanted(db, make_session):
    grace = UserFactory.create(username="grace@example.org")
    session = make_session(grace, name="Kitchen tablet", ip_address="192.0.2.7")
    make_session(name="Phone", ip_address="198.51.100.192")
    make_session(name="A kitchen", ip_address="192.0.20.7")
    return session


@pytest.mark.parametrize(
    "term",
    [
        "grace@",
        "GRACE@example.org",
        "kitchen",
        "Kitchen Tab",
        "192.0.2.",
        "192.0.2.7",
        " grace@ kitchen ",
        "kitchen 192.0.2.7",
    ],
)
def test_session_search_by_user_device_or_address_finds_session(pages, wanted, term):
    if term.startswith("GRACE") and get_user_model().USERNAME_FIELD == "username":
        get_user_model().objects.filter(pk=wanted.user_id).update(username="grace@example.org")
    assert pages.listed(q=term) == {wanted.pk}


def test_session_search_id_with_or_without_dashes_finds_session(pages, wanted):
    assert pages.listed(q=str(wanted.pk)) == {wanted.pk}
    assert pages.listed(q=wanted.pk.hex) == {wanted.pk}
    assert pages.listed(q=f"{wanted.pk} kitchen") == {wanted.pk}


@pytest.mark.parametrize(
    "term",
    ["tablet", "race@", "kitchen phone", "192.0.3.", "192.0.2.8", "kitchen grace@ 10.0.0.1"],
)
def test_session_search_other_text_finds_nothing(pages, wanted, term):
    assert pages.listed(q=term) == set()


@pytest.mark.parametrize("term", ["2001:db8:", "2001:DB8:", "2001:db8::7", "2001:0db8:0:0::7"])
def test_session_search_ipv6_address_finds_session(pages, make_session, term):
    wanted = make_session(ip_address="2001:db8::7")
    make_session(ip_address="2001:db9::7")
    assert pages.listed(q=term) == {wanted.pk}


@pytest.mark.parametrize("term", ["::ffff:192.0.2.7", "192.0.2.7:443", "[::ffff:c000:207]"])
def test_session_search_address_in_log_format_finds_session(pages, wanted, term):
    assert pages.listed(q=term) == {wanted.pk}


def test_session_search_address_with_zone_finds_session(pages, make_session):
    wanted = make_session(ip_address="fe80::7")
    assert pages.listed(q="fe80::7%eth0") == {wanted.pk}


def test_search_user_name_like_uuid_finds_user(pages, events, make_session):
    """Such names occur if another service issues them."""
    name = "0b1ea7d2-5f0c-4a0e-9c1d-6f3f2a7b8c90"
    wanted = make_session(UserFactory.create(username=name))
    other = make_session()
    assert pages.listed(q=name) == {wanted.pk}
    assert pages.listed(q=f"{name} {wanted.pk}") == {wanted.pk}
    assert events.listed(q=name) == [event.pk for event in wanted.events.all()]
    assert events.listed(q=str(other.pk)) == [event.pk for event in other.events.all()]


def test_autocomplete_term_with_nul_finds_session(client, superuser, make_session):
    session = make_session(name="Kitchen tablet")
    client.force_login(superuser)
    field = SessionEvent._meta.get_field("session")
    names = (field.model._meta.app_label, field.model._meta.model_name, field.name)
    query = dict(zip(("app_label", "model_name", "field_name"), names, strict=True))
    answer = client.get(reverse("admin:autocomplete"), {**query, "term": "kit\0chen"}).json()
    assert [row["id"] for row in answer["results"]] == [str(session.pk)]


@pytest.mark.parametrize("term", ["%", "_", "\\", "'", '"', "192.0.2.%", "::::", "999.1."])
@pytest.mark.usefixtures("wanted")
def test_session_search_special_character_is_literal(pages, term):
    assert pages.listed(q=term) == set()


def test_session_search_digest_finds_nothing(pages, make_session):
    session = make_session()
    assert pages.listed(q=session.auth_hash) == set()


def test_session_search_email_address_finds_session(pages, make_session):
    user = UserFactory.create()
    field = get_user_model().get_email_field_name()
    setattr(user, field, "only@mail.example.org")
    user.save()
    wanted = make_session(user)
    make_session()
    assert pages.listed(q="only@mail") == {wanted.pk}


def test_session_search_many_matching_users_takes_limited_number(pages, make_session, monkeypatch):
    monkeypatch.setattr(search, "USERS", 2)
    for number in range(3):
        make_session(UserFactory.create(username=f"grace{number}@example.org"))
    assert len(pages.listed(q="grace")) == 2


def test_session_search_many_words_match_one_name(pages, make_session):
    wanted = make_session(name="One of my very old phones")
    make_session(name="One")
    assert pages.listed(q="one of my very old") == {wanted.pk}
    assert pages.listed(q="one of my old very") == set()


@pytest.mark.parametrize("term", ["grace@ kitchen", "one two three", "one two three four"])
def test_session_search_any_term_stays_within_query_limit(
    pages, wanted, term, django_assert_max_num_queries
):
    pages.list()
    cache.clear()
    with django_assert_max_num_queries(12):
        pages.list(q=term)


def test_session_search_keeps_filters(pages, make_session):
    live = make_session(name="Kitchen tablet")
    make_session(name="Kitchen radio", status="revoked")
    assert pages.listed(q="kitchen", status="live") == {live.pk}


def test_session_search_ignores_case_of_non_ascii_letters(pages, make_session):
    wanted = make_session(name="ÉTAGÈRE")
    assert pages.listed(q="étag") == {wanted.pk}


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("10.", "10.0.0.0", "10.255.255.255"),
        ("192.0.2.", "192.0.2.0", "192.0.2.255"),
        ("2001:db8:", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("1.2.", "1.2.0.0", "1.2.255.255"),
        ("1:2:3:4:5:6:7:", "1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:ffff"),
    ],
)
def test_address_prefix_is_parsed_as_range(text, first, last):
    found = parse_address_prefix(text)
    assert found is not None
    assert (found.first, found.last) == (first, last)


@pytest.mark.parametrize("text", ["", ".", "10", "1.2.3.4.", "256.", "x:", "12345:", "::"])
def test_address_prefix_invalid_is_none(text):
    assert parse_address_prefix(text) is None
