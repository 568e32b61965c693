"""An admin with a restricted queryset revokes only the sessions in it."""

import pytest

from refresh_sessions.admin import DeviceSessionAdmin
from refresh_sessions.models import DeviceSession
from tests.factories import UserFactory


@pytest.fixture
def _restricted_queryset(monkeypatch):
    get_queryset = DeviceSessionAdmin.get_queryset

    def restricted(self, request):
        return get_queryset(self, request).filter(name="Ours")

    monkeypatch.setattr(DeviceSessionAdmin, "get_queryset", restricted)


@pytest.fixture
def user(db):
    return UserFactory.create()


@pytest.fixture
def sessions(user, make_session):
    """One session inside the queryset and one outside of it."""
    return make_session(user, name="Ours"), make_session(user, name="Theirs")


def live_names():
    return sorted(DeviceSession.objects.active().values_list("name", flat=True))


@pytest.mark.usefixtures("_restricted_queryset")
def test_sign_out_everywhere_restricted_queryset_revokes_sessions_in_queryset(pages, sessions):
    question = pages.act("sign_out_everywhere", sessions)
    assert "Theirs" not in question.text
    pages.confirm(question)
    assert live_names() == ["Theirs"]


@pytest.mark.usefixtures("_restricted_queryset", "sessions")
def test_user_page_button_restricted_queryset_revokes_sessions_in_queryset(pages, user):
    question = pages.client.get(pages.sign_out_url(user))
    assert "Theirs" not in question.text
    pages.confirm(question)
    assert live_names() == ["Theirs"]


@pytest.mark.usefixtures("_restricted_queryset")
def test_session_page_button_session_outside_queryset_is_not_found(pages, sessions):
    _, theirs = sessions
    assert pages.client.post(pages.url("revoke", theirs), {"post": "yes"}).status_code == 404
    assert live_names() == ["Ours", "Theirs"]


def test_sign_out_url_get_request_revokes_nothing(pages, user, sessions, monkeypatch):
    """Not even if a login happens between the count and the end of the request."""
    monkeypatch.setattr(type(DeviceSession.objects.all()), "count", lambda _: 0)
    response = pages.client.get(pages.sign_out_url(user))
    assert response.status_code == 302
    assert live_names() == ["Ours", "Theirs"]
