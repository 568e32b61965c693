"""Renaming of devices."""

import pytest

from refresh_sessions.pages import views
from refresh_sessions.sessions import revoke_session
from tests.pages.browser import LIST, live, messages_of
from tests.pages.markup import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone(device):
    return device("Phone", agent="Agent/1")


@pytest.fixture
def path(phone):
    return f"{LIST}{phone.pk}/rename/"


def test_rename_form_contains_name(browser, path):
    page = Page(browser.client.get(path).text)
    assert page.title == "Rename Phone"
    (field,) = [item for item in page.all("input") if item.attrs["type"] == "text"]
    assert field.attrs["value"] == "Phone"


def test_rename_device_shows_new_name(browser, path):
    assert messages_of(browser.client.post(path, {"name": " Kitchen "})) == [
        "The device has been renamed."
    ]
    assert browser.names()[1:] == ["Kitchen"]


def test_rename_device_empty_name_shows_detected_device(browser, phone, path):
    browser.client.post(path, {"name": ""})
    assert browser.names()[1:] == [phone.device]


def test_rename_device_control_characters_are_removed(browser, path, phone):
    browser.client.post(path, {"name": "Kit\x1bchen"})
    phone.refresh_from_db()
    assert phone.name == "Kit chen"


@pytest.mark.parametrize("name", ["x" * 129, "\x00"])
def test_rename_device_invalid_name_shows_error(browser, path, phone, name):
    response = browser.client.post(path, {"name": name})
    page = Page(response.text)
    assert page.title.startswith("Error:")
    assert list(page.problems()) == []
    phone.refresh_from_db()
    assert phone.name == "Phone"


@pytest.mark.parametrize("method", ["get", "post"])
def test_rename_device_revoked_session_is_refused(browser, phone, path, method):
    revoke_session(phone, reason="user")
    response = getattr(browser.client, method)(path, {"name": "Kitchen"})
    assert messages_of(response) == ["That device was already signed out."]
    phone.refresh_from_db()
    assert phone.name == "Phone"


def test_rename_device_revoked_meanwhile_stays_revoked(browser, phone, path, monkeypatch):
    find = views.OneSessionPage.find_session

    def find_and_end(page, session_id):
        session = find(page, session_id)
        revoke_session(phone, reason="user")
        return session

    monkeypatch.setattr(views.OneSessionPage, "find_session", find_and_end)
    response = browser.client.post(path, {"name": "Kitchen"})
    assert messages_of(response) == ["That device was already signed out."]
    assert live() == set()
