"""Events are read, and nobody adds, edits or deletes one."""

import pytest
from django.contrib import admin
from django.urls import include, path, reverse

from refresh_sessions.admin import EventAdminMixin
from refresh_sessions.models import SessionEvent
from tests.admin.event_pages import LIST, PREFIX
from tests.factories import UserFactory

CONFIRMED = {"post": "yes"}


class Themed(admin.ModelAdmin):
    """Stands for the model admin of a theme."""


class ThemedEventAdmin(EventAdminMixin, Themed):
    list_display = (*EventAdminMixin.list_display, "id")


# A site that has no sessions: rows lead nowhere there.
site = admin.AdminSite(name="backoffice")
site.register(SessionEvent, ThemedEventAdmin)

urlpatterns = [
    path("backoffice/", site.urls),
    path("admin/", admin.site.urls),
    path("auth/", include("refresh_sessions.urls")),
]


@pytest.fixture
def event(make_event):
    return make_event()


class TestStaffWithoutTheRight:
    @pytest.fixture
    def events(self, viewer, events_of):
        """Who may see sessions may not therefore read the record of all."""
        return events_of(viewer)

    def test_see_nothing(self, events, event):
        assert events.list().status_code == 403
        for page in ("change", "delete", "history"):
            assert events.open(event, page).status_code == 403
        assert reverse(LIST) not in events.client.get(reverse("admin:index")).text


class TestStaffWhoMayView:
    def test_find_the_list_on_the_index(self, events):
        assert reverse(LIST) in events.client.get(reverse("admin:index")).text

    def test_see_list_and_page(self, events, event):
        assert events.list().status_code == 200
        assert events.open(event).status_code == 200
        assert 'name="_save"' not in events.open(event).text

    def test_are_offered_nothing_to_do(self, events, event):
        page = events.list().text
        assert 'name="action"' not in page
        assert "/add/" not in page


@pytest.mark.django_db
class TestEverybody:
    @pytest.fixture(params=["auditor", "superuser"])
    def events(self, request, events_of):
        return events_of(request.getfixturevalue(request.param))

    def test_adds_none(self, events, event):
        assert events.client.post(reverse(f"{PREFIX}_add"), {"kind": "revoked"}).status_code == 403

    def test_edits_none(self, events, event):
        response = events.client.post(events.url("change", event), {"kind": "revoked"})
        assert response.status_code == 403
        event.refresh_from_db()
        assert event.kind == "reauthenticated"

    def test_deletes_none(self, events, event):
        assert events.client.post(events.url("delete", event), CONFIRMED).status_code == 403
        data = {"action": "delete_selected", "_selected_action": [str(event.pk)], **CONFIRMED}
        events.client.post(reverse(LIST), {**data, "index": "0"})
        assert SessionEvent.objects.filter(pk=event.pk).exists()


class TestASiteOfTheProjectsOwn:
    @pytest.fixture(autouse=True)
    def _urls(self, settings):
        settings.ROOT_URLCONF = __name__

    def test_shows_its_own_columns_and_leads_nowhere_else(self, superuser_client, make_event):
        event = make_event(actor=UserFactory.create())
        page = superuser_client.get(
            reverse("backoffice:refresh_sessions_sessionevent_changelist")
        ).text
        assert "field-id" in page
        assert "refresh_sessions/admin/base.css" in page
        assert str(event.session.user) in page
        assert 'href="/admin/' not in page

    def test_has_the_download(self, superuser_client, make_event):
        make_event()
        address = reverse("backoffice:refresh_sessions_sessionevent_export")
        page = superuser_client.get(
            reverse("backoffice:refresh_sessions_sessionevent_changelist")
        ).text
        assert address in page
        assert superuser_client.get(address).getvalue().count(b"\r\n") == 3
