"""Deletion of users with sessions, although sessions have no delete permission."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.urls import reverse

from refresh_sessions.models import DeviceSession
from tests.factories import UserFactory

CONFIRMED = {"post": "yes"}


def user_page(page, *args):
    opts = get_user_model()._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{page}", args=args)


@pytest.fixture
def staff(db):
    """Staff with permission to delete users and none on sessions."""
    staff = UserFactory.create(is_staff=True)
    opts = get_user_model()._meta
    staff.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label=opts.app_label,
            codename__in=[f"{verb}_{opts.model_name}" for verb in ("view", "delete")],
        )
    )
    return staff


@pytest.fixture
def staff_client(staff, pages_of):
    return pages_of(staff).client


def test_user_delete_page_with_sessions_asks_for_confirmation(staff_client, user, make_session):
    make_session(user)
    question = staff_client.get(user_page("delete", user.pk))
    assert question.context["perms_lacking"] == set()
    assert 'name="post" value="yes"' in question.text


@pytest.mark.parametrize("status", ["live", "expired", "revoked"])
def test_user_delete_removes_all_sessions(staff_client, user, make_session, status):
    make_session(user, status)
    other = make_session()
    response = staff_client.post(user_page("delete", user.pk), CONFIRMED)
    assert response.status_code == 302
    assert not get_user_model().objects.filter(pk=user.pk).exists()
    assert DeviceSession.objects.get() == other


def test_user_delete_action_removes_all_sessions(staff_client, make_session):
    users = [make_session().user for _ in range(2)]
    data = {
        "action": "delete_selected",
        "_selected_action": [str(user.pk) for user in users],
        **CONFIRMED,
    }
    staff_client.post(user_page("changelist"), data)
    assert not get_user_model().objects.filter(pk__in=[user.pk for user in users]).exists()
    assert DeviceSession.objects.count() == 0


def test_user_delete_of_revoking_staff_keeps_sessions(staff_client, pages, revoker, make_session):
    session = make_session()
    pages.confirm(pages.open(session, "revoke"))
    staff_client.post(user_page("delete", revoker.pk), CONFIRMED)
    session.refresh_from_db()
    assert (session.revoked_by, session.revoked_reason) == (None, "admin")


def test_user_delete_without_permission_is_refused(pages, user, make_session):
    make_session(user)
    assert pages.client.post(user_page("delete", user.pk), CONFIRMED).status_code == 403
    assert DeviceSession.objects.count() == 1
