from datetime import timedelta

import pytest
from django.contrib import admin
from django.urls import include, path
from django.utils import timezone

from refresh_sessions.admin import timeline
from refresh_sessions.models import EventKind, RevokedReason, SessionEvent, TokenFamily
from refresh_sessions.sessions import revoke_session
from tests.factories import UserFactory

# A site of a project that does not show events by themselves.
site = admin.AdminSite(name="admin")
for model, model_admin in admin.site._registry.items():
    if model is not SessionEvent:
        site.register(model, type(model_admin))

urlpatterns = [path("admin/", site.urls), path("auth/", include("refresh_sessions.urls"))]


@pytest.fixture
def story(pages):
    """What the page of a session tells."""

    def read(session):
        return pages.open(session).context["timeline"]

    return read


def note(session, kind, *, ago=timedelta(0), **fields):
    return SessionEvent.objects.create(
        session=session, kind=kind, created_at=timezone.now() - ago, **fields
    )


def test_the_newest_comes_first_and_the_future_before_it(story, make_session):
    session = make_session()
    note(session, EventKind.REAUTHENTICATED, ago=-timedelta(minutes=5))
    told = story(session).entries
    assert [one.tone for one in told] == ["ahead", "good", "good"]
    assert [one.text for one in told[1:]] == ["Re-authenticated", "Signed in"]
    assert told[0].at == session.expires_at


def test_an_end_says_by_whom_from_where_and_why(pages, revoker, make_session, rf):
    session = make_session()
    request = rf.get("/", REMOTE_ADDR="192.0.2.77")
    revoke_session(session, reason=RevokedReason.ADMIN, by=revoker, request=request)
    page = pages.open(session)
    end = page.context["timeline"].entries[0]
    assert (end.tone, end.actor, end.address) == ("ended", str(revoker), "192.0.2.77")
    for text in (f"by {revoker}", "from 192.0.2.77", "reason: Revoked by staff"):
        assert text in page.text


def test_what_has_ended_does_not_expire_any_more(story, make_session):
    session = make_session(status="revoked")
    assert [one.text for one in story(session).entries] == ["Signed out", "Signed in"]


def test_a_session_past_its_deadline_tells_so(story, make_session):
    past = timezone.now() - timedelta(days=1)
    told = story(make_session(expires_at=past)).entries[0]
    assert (told.text, told.at, told.ago) == ("Expired", past, "1 day ago")


def test_a_session_that_was_left_unused_tells_since_when(story, make_session):
    session = make_session(status="expired")
    told = story(session).entries[0]
    family = TokenFamily.objects.get(session=session)
    assert (told.text, told.at) == ("Expired: unused for too long", family.idle_expires_at)


def test_a_session_whose_tokens_were_closed_or_are_gone_has_a_story_too(story, make_session):
    session, closed = make_session(), timezone.now() - timedelta(hours=1)
    TokenFamily.objects.filter(session=session).update(closed_at=closed)
    assert story(session).entries[0].at == closed
    TokenFamily.objects.all().delete()
    assert story(session).entries[0].at == session.created_at


def test_details_of_a_reuse_are_in_words(pages, make_session):
    session = make_session()
    details = {
        "reason": "reuse",
        "newest_generation": 6,
        "other_ip_address": None,
        "other_user_agent": "Tablet/1.0",
        "ip_address": "192.0.2.66",
        "some_key": ["of", "a", "project"],
        "methods": [],
    }
    note(session, EventKind.REUSE_DETECTED, details=details)
    page = pages.open(session).text
    for text in (
        "Reuse of a refresh token detected",
        "refresh-sessions-tone-alarm",
        "reason: A used refresh token was presented again",
        "newest generation: 6",
        "address of the other client: -",
        "user agent of the other client: Tablet/1.0",
        ">address: 192.0.2.66",
        "some key: of, a, project",
        "methods: -",
    ):
        assert text in page


def test_a_kind_that_nobody_has_drawn_is_told_all_the_same(story, make_session):
    session = make_session()
    note(session, "moved_house", ago=-timedelta(minutes=1))
    told = story(session).entries[1]
    assert (told.text, told.tone) == ("moved_house", "quiet")


def test_every_kind_has_a_sign_of_its_own_meaning():
    assert set(timeline._TONES) == set(EventKind)
    assert {"good", "quiet", "ended", "alarm"} == {tone for tone, _ in timeline._TONES.values()}


def test_a_long_record_is_cut(pages, make_session, monkeypatch):
    monkeypatch.setattr(timeline, "SHOWN", 3)
    session = make_session()
    for minutes in range(5):
        note(session, EventKind.REAUTHENTICATED, ago=-timedelta(minutes=minutes))
    page = pages.open(session)
    told = page.context["timeline"]
    assert (len(told.entries), told.is_cut) == (1 + 3, True)
    assert told.entries[1].at == SessionEvent.objects.latest("created_at").created_at
    assert "Older events are not shown here." in page.text


def test_a_record_that_just_fits_is_whole(pages, make_session, monkeypatch):
    monkeypatch.setattr(timeline, "SHOWN", 1)
    page = pages.open(make_session())
    assert not page.context["timeline"].is_cut
    assert "Older events" not in page.text


@pytest.mark.parametrize("number", [2, 20])
def test_the_number_of_queries_does_not_grow_with_the_events(
    pages, make_session, number, django_assert_num_queries
):
    session = make_session()
    for _ in range(number):
        note(session, EventKind.REVOKED, actor=UserFactory.create())
    pages.open(session)
    # Who asks and what they may (4), the session, its families for the status, its user, the
    # families beneath, and the events.
    with django_assert_num_queries(9):
        pages.open(session)


class TestAllEvents:
    def test_are_a_link_away(self, superuser, pages_of, make_session):
        session = make_session()
        page = pages_of(superuser).open(session)
        url = page.context["events_url"]
        assert url == f"/admin/refresh_sessions/sessionevent/?session={session.pk}"
        assert f'href="{url}"' in page.text

    def test_are_no_link_for_who_may_not_see_them(self, revoker, pages_of, make_session):
        assert pages_of(revoker).open(make_session()).context["events_url"] is None

    def test_are_no_link_where_they_have_no_list(
        self, superuser, pages_of, make_session, settings
    ):
        settings.ROOT_URLCONF = __name__
        assert pages_of(superuser).open(make_session()).context["events_url"] is None
