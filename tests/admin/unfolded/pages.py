"""The session admin with the theme django-unfold; ``test_unfold.py`` runs this module."""

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from refresh_sessions.models import DeviceSession
from tests.admin.pages import messages_of
from tests.factories import UserFactory


@pytest.fixture(autouse=True)
def _admin_knows_the_user_model():
    """Keep the URLconf of these settings."""


def uses_theme(response) -> bool:
    return response.status_code == 200 and "unfold/css/styles.css" in response.text


def test_unfold_session_list_has_rows_filters_with_overview(pages, make_session):
    make_session(name="Kitchen tablet")
    make_session(name="Phone", status="revoked")
    page = pages.list()
    assert uses_theme(page)
    for text in (
        "Kitchen tablet",
        "refresh-sessions-live",
        "refresh-sessions-cards",
        "Sign-ins by day",
        "refresh_sessions/admin/base.css",
        "?status=live",
        "?kind=phone",
        "Revoke selected sessions",
    ):
        assert text in page.text
    assert len(pages.listed(status="live")) == 1
    assert len(pages.listed(q="kitchen")) == 1


def test_unfold_session_page_has_timeline_with_button(pages, make_session):
    session = make_session(name="Kitchen tablet")
    page = pages.open(session)
    assert uses_theme(page)
    assert ">Events</h2>" in page.text
    assert pages.url("revoke", session) in page.text
    assert "Last refreshed" in page.text or "last refreshed" in page.text


@pytest.mark.parametrize("way", ["button", "action"])
def test_unfold_revocation_confirmed_revokes_session(pages, make_session, way):
    session, other = make_session(name="Kitchen tablet"), make_session()
    question = (
        pages.open(session, "revoke")
        if way == "button"
        else pages.act("revoke_selected", [session])
    )
    assert uses_theme(question)
    assert "Kitchen tablet" in question.text
    assert "Yes, revoke" in question.text
    assert messages_of(pages.confirm(question)) == ["1 session was revoked."]
    assert DeviceSession.objects.active().get() == other


def test_unfold_viewer_sees_no_button(pages_of, viewer, make_session):
    session = make_session()
    pages = pages_of(viewer)
    assert uses_theme(pages.list())
    assert "Revoke selected" not in pages.list().text
    assert pages.url("revoke", session) not in pages.open(session).text


def test_unfold_user_page_button_revokes_sessions(superuser, pages_of, make_session):
    user = UserFactory.create()
    make_session(user)
    pages, opts = pages_of(superuser), get_user_model()._meta
    page = pages.client.get(
        reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[user.pk])
    )
    assert uses_theme(page)
    assert "on 1 device" in page.text
    pages.confirm(pages.client.get(pages.sign_out_url(user)))
    assert not DeviceSession.objects.active().exists()
