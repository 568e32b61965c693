"""A project whose staff have some sessions only: what they do not see they do not end."""

import pytest

from refresh_sessions.admin import DeviceSessionAdmin
from refresh_sessions.models import DeviceSession
from tests.factories import UserFactory


@pytest.fixture
def _ours_alone(monkeypatch):
    everything = DeviceSessionAdmin.get_queryset

    def ours(self, request):
        return everything(self, request).filter(name="Ours")

    monkeypatch.setattr(DeviceSessionAdmin, "get_queryset", ours)


@pytest.fixture
def user(db):
    return UserFactory.create()


@pytest.fixture
def sessions(user, make_session):
    """One that staff have in their admin, and one that they have not."""
    return make_session(user, name="Ours"), make_session(user, name="Theirs")


def live_names():
    return sorted(DeviceSession.objects.active().values_list("name", flat=True))


@pytest.mark.usefixtures("_ours_alone")
def test_signing_users_out_ends_what_is_in_this_admin(pages, sessions):
    question = pages.act("sign_out_everywhere", sessions)
    assert "Theirs" not in question.text
    pages.confirm(question)
    assert live_names() == ["Theirs"]


@pytest.mark.usefixtures("_ours_alone", "sessions")
def test_so_does_the_button_on_the_page_of_a_user(pages, user):
    question = pages.client.get(pages.sign_out_url(user))
    assert "Theirs" not in question.text
    pages.confirm(question)
    assert live_names() == ["Theirs"]


@pytest.mark.usefixtures("_ours_alone")
def test_so_does_the_button_on_the_page_of_a_session(pages, sessions):
    _, theirs = sessions
    assert pages.client.post(pages.url("revoke", theirs), {"post": "yes"}).status_code == 404
    assert live_names() == ["Ours", "Theirs"]


def test_nothing_ends_by_an_address_alone(pages, user, sessions, monkeypatch):
    """Not even where somebody signs in between the counting and the end of the request."""
    monkeypatch.setattr(type(DeviceSession.objects.all()), "count", lambda _: 0)
    response = pages.client.get(pages.sign_out_url(user))
    assert response.status_code == 302
    assert live_names() == ["Ours", "Theirs"]
