from datetime import timedelta

import pytest
from django.contrib import admin
from django.urls import include, path
from django.utils import timezone

from refresh_sessions.admin import timeline
from refresh_sessions.models import EventKind, RevokedReason, SessionEvent, TokenFamily
from refresh_sessions.sessions import revoke_session
from tests.factories import UserFactory

# A site without events.
site = admin.AdminSite(name="admin")
for model, model_admin in admin.site._registry.items():
    if model is not SessionEvent:
        site.register(model, type(model_admin))

urlpatterns = [path("admin/", site.urls), path("auth/", include("refresh_sessions.urls"))]


@pytest.fixture
def timeline_of(pages):
    """Return a function that reads the timeline of a session's page."""

    def read(session):
        return pages.open(session).context["timeline"]

    return read


def add_event(session, kind, *, ago=timedelta(0), **fields):
    return SessionEvent.objects.create(
        session=session, kind=kind, created_at=timezone.now() - ago, **fields
    )


def test_timeline_starts_with_future_then_newest_event(timeline_of, make_session):
    session = make_session()
    add_event(session, EventKind.REAUTHENTICATED, ago=-timedelta(minutes=5))
    shown = timeline_of(session).entries
    assert [one.tone for one in shown] == ["ahead", "good", "good"]
    assert [one.text for one in shown[1:]] == ["Re-authenticated", "Signed in"]
    assert shown[0].at == session.expires_at


def test_timeline_revocation_shows_actor_address_with_reason(pages, revoker, make_session, rf):
    session = make_session()
    request = rf.get("/", REMOTE_ADDR="192.0.2.77")
    revoke_session(session, reason=RevokedReason.ADMIN, by=revoker, request=request)
    page = pages.open(session)
    end = page.context["timeline"].entries[0]
    assert (end.tone, end.actor, end.address) == ("ended", str(revoker), "192.0.2.77")
    for text in (f"by {revoker}", "from 192.0.2.77", "reason: Revoked by staff"):
        assert text in page.text


def test_timeline_revoked_session_has_no_expiry(timeline_of, make_session):
    session = make_session(status="revoked")
    assert [one.text for one in timeline_of(session).entries] == ["Signed out", "Signed in"]


def test_timeline_past_deadline_shows_expiry(timeline_of, make_session):
    past = timezone.now() - timedelta(days=1)
    shown = timeline_of(make_session(expires_at=past)).entries[0]
    assert (shown.text, shown.at, shown.ago) == ("Expired", past, "1 day ago")


def test_timeline_idle_session_shows_idle_expiry(timeline_of, make_session):
    session = make_session(status="expired")
    shown = timeline_of(session).entries[0]
    family = TokenFamily.objects.get(session=session)
    assert (shown.text, shown.at) == ("Expired: unused for too long", family.idle_expires_at)


def test_timeline_without_open_family_shows_end(timeline_of, make_session):
    session, closed = make_session(), timezone.now() - timedelta(hours=1)
    TokenFamily.objects.filter(session=session).update(closed_at=closed)
    assert timeline_of(session).entries[0].at == closed
    TokenFamily.objects.all().delete()
    assert timeline_of(session).entries[0].at == session.created_at


def test_timeline_reuse_details_are_readable(pages, make_session):
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
    add_event(session, EventKind.REUSE_DETECTED, details=details)
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


def test_timeline_unknown_kind_is_shown(timeline_of, make_session):
    session = make_session()
    add_event(session, "moved_house", ago=-timedelta(minutes=1))
    shown = timeline_of(session).entries[1]
    assert (shown.text, shown.tone) == ("moved_house", "quiet")


def test_timeline_every_event_kind_has_tone():
    assert set(timeline._TONES) == set(EventKind)
    assert {"good", "quiet", "ended", "alarm"} == {tone for tone, _ in timeline._TONES.values()}


def test_timeline_above_limit_is_truncated(pages, make_session, monkeypatch):
    monkeypatch.setattr(timeline, "SHOWN", 3)
    session = make_session()
    for minutes in range(5):
        add_event(session, EventKind.REAUTHENTICATED, ago=-timedelta(minutes=minutes))
    page = pages.open(session)
    shown = page.context["timeline"]
    assert (len(shown.entries), shown.is_cut) == (1 + 3, True)
    assert shown.entries[1].at == SessionEvent.objects.latest("created_at").created_at
    assert "Older events are not shown here." in page.text


def test_timeline_at_limit_is_complete(pages, make_session, monkeypatch):
    monkeypatch.setattr(timeline, "SHOWN", 1)
    page = pages.open(make_session())
    assert not page.context["timeline"].is_cut
    assert "Older events" not in page.text


@pytest.mark.parametrize("number", [2, 20])
def test_session_page_more_events_take_no_extra_query(
    pages, make_session, number, django_assert_num_queries
):
    session = make_session()
    for _ in range(number):
        add_event(session, EventKind.REVOKED, actor=UserFactory.create())
    pages.open(session)
    # Request user and permissions (4), the session, its families for the status, its user, the
    # families of the inline, and the events.
    with django_assert_num_queries(9):
        pages.open(session)


class TestEventsLink:
    def test_session_page_superuser_has_link_to_events(self, superuser, pages_of, make_session):
        session = make_session()
        page = pages_of(superuser).open(session)
        url = page.context["events_url"]
        assert url == f"/admin/refresh_sessions/sessionevent/?session={session.pk}"
        assert f'href="{url}"' in page.text

    def test_session_page_without_event_permission_has_no_link(
        self, revoker, pages_of, make_session
    ):
        assert pages_of(revoker).open(make_session()).context["events_url"] is None

    def test_session_page_site_without_events_has_no_link(
        self, superuser, pages_of, make_session, settings
    ):
        settings.ROOT_URLCONF = __name__
        assert pages_of(superuser).open(make_session()).context["events_url"] is None
