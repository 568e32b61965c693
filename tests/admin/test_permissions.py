from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.urls import reverse

from refresh_sessions.models import DeviceSession
from tests.admin.pages import LIST
from tests.factories import UserFactory

ACTIONS = ["revoke_selected", "sign_out_everywhere"]


def test_permissions_are_view_with_revoke_only(db):
    codenames = Permission.objects.filter(content_type__app_label="refresh_sessions")
    assert set(codenames.values_list("codename", flat=True)) == {
        "view_devicesession",
        "view_tokenfamily",
        "view_sessionevent",
        "revoke_devicesession",
    }


class TestStaffWithoutPermission:
    @pytest.fixture
    def pages(self, db, pages_of):
        return pages_of(UserFactory.create(is_staff=True))

    def test_session_pages_staff_without_permission_are_refused(self, pages, make_session):
        session = make_session()
        assert pages.list().status_code == 403
        for page in ("change", "revoke", "delete", "history"):
            assert pages.open(session, page).status_code == 403
        assert "Device sessions" not in pages.client.get(reverse("admin:index")).text

    @pytest.mark.parametrize("model", ["devicesession", "sessionevent"])
    def test_session_pages_without_permission_hide_existence_of_keys(
        self, pages, make_session, model
    ):
        session = make_session()
        key = session.pk if model == "devicesession" else session.events.get().pk
        for page in ("change", "history", "delete"):
            for there in (key, uuid4() if model == "devicesession" else key + 1):
                address = reverse(f"admin:refresh_sessions_{model}_{page}", args=[there])
                assert pages.client.get(address).status_code == 403

    @pytest.mark.parametrize("action", ACTIONS)
    def test_revoke_staff_without_permission_is_refused(self, pages, make_session, action):
        session = make_session()
        assert pages.act(action, [session]).status_code == 403
        assert pages.client.post(pages.url("revoke", session)).status_code == 403
        assert DeviceSession.objects.active().exists()


class TestStaffWithViewPermission:
    @pytest.fixture
    def pages(self, viewer, pages_of):
        return pages_of(viewer)

    def test_session_pages_viewer_sees_list_with_pages(self, pages, make_session):
        session = make_session(name="Kitchen tablet")
        assert "Kitchen tablet" in pages.list().text
        page = pages.open(session)
        assert "Kitchen tablet" in page.text
        (families,) = page.context["inline_admin_formsets"]
        assert len(families.formset.forms) == 1
        assert [event.text for event in page.context["timeline"].entries][1:] == ["Signed in"]

    def test_session_pages_viewer_has_no_action_or_button(self, pages, make_session):
        session = make_session()
        assert 'name="action"' not in pages.list().text
        page = pages.open(session).text
        assert "/revoke/" not in page
        assert 'name="_save"' not in page

    @pytest.mark.parametrize("action", [*ACTIONS, "delete_selected"])
    @pytest.mark.parametrize("answer", [{}, {"post": "yes"}])
    def test_action_of_viewer_is_refused(self, pages, make_session, action, answer):
        data = {"action": action, "_selected_action": [str(make_session().pk)], **answer}
        for index in ({}, {"index": "0"}):
            assert pages.client.post(reverse(LIST), {**data, **index}).status_code == 403
        assert DeviceSession.objects.active().exists()

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_revoke_url_of_viewer_is_refused(self, pages, make_session, method):
        session = make_session()
        response = getattr(pages.client, method)(pages.url("revoke", session), {"post": "yes"})
        assert response.status_code == 403
        assert DeviceSession.objects.active().exists()


def test_revoke_without_view_permission_is_refused(db, pages_of, make_session):
    staff = UserFactory.create(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="revoke_devicesession"))
    pages, session = pages_of(staff), make_session()
    assert pages.act("revoke_selected", [session]).status_code == 403
    assert pages.client.post(pages.url("revoke", session), {"post": "yes"}).status_code == 403
    assert DeviceSession.objects.active().exists()


@pytest.mark.parametrize("page", ["change", "revoke"])
def test_session_pages_not_staff_redirect_to_login(revoker, pages_of, make_session, page):
    revoker.is_staff = False
    revoker.save()
    pages, session = pages_of(revoker), make_session()
    response = pages.client.post(pages.url(page, session), {"post": "yes"})
    assert response.url.startswith(reverse("admin:login"))
    assert DeviceSession.objects.active().exists()


class TestSuperuser:
    @pytest.fixture
    def pages(self, superuser, pages_of):
        return pages_of(superuser)

    def test_session_actions_of_superuser_are_revocations_only(self, pages, make_session):
        make_session()
        choices = pages.list().context["action_form"].fields["action"].choices
        assert [value for value, _ in choices if value] == ACTIONS

    def test_session_add_of_superuser_is_refused(self, pages):
        url = reverse("admin:refresh_sessions_devicesession_add")
        assert pages.client.get(url).status_code == 403
        assert pages.client.post(url, {}).status_code == 403

    def test_session_change_of_superuser_is_refused(self, pages, make_session):
        session = make_session(name="Kitchen tablet")
        page = pages.open(session)
        assert 'name="name"' not in page.text
        data = {"name": "Mine", "families-TOTAL_FORMS": "0", "families-INITIAL_FORMS": "0"}
        assert pages.client.post(pages.url("change", session), data).status_code == 403
        assert DeviceSession.objects.get().name == "Kitchen tablet"

    def test_session_delete_of_superuser_is_refused(self, pages, make_session):
        session = make_session()
        assert "/delete/" not in pages.open(session).text
        assert pages.open(session, "delete").status_code == 403
        answer = {"post": "yes"}
        assert pages.client.post(pages.url("delete", session), answer).status_code == 403
        assert DeviceSession.objects.count() == 1

    def test_django_delete_action_of_superuser_deletes_nothing(self, pages, make_session):
        session = make_session()
        data = {"action": "delete_selected", "_selected_action": [str(session.pk)], "post": "yes"}
        for index in ({}, {"index": "0"}):
            pages.client.post(reverse(LIST), {**data, **index})
        assert DeviceSession.objects.count() == 1

    def test_delete_permission_outside_admin_is_denied(self, rf, superuser, make_session):
        request = rf.get("/")
        request.user = superuser
        sessions = admin.site.get_model_admin(DeviceSession)
        assert not sessions.has_delete_permission(request, make_session())
