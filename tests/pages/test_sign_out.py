"""Signing devices out after a recent login."""

import pytest
from django.contrib.auth import get_user
from django.contrib.messages import api as messages_api
from django.db import connection

from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.models import DeviceSession
from refresh_sessions.pages import views
from refresh_sessions.sessions import revoke_session
from tests.factories import UserFactory
from tests.pages.browser import LIST, Browser, live, messages_of
from tests.pages.markup import Page

pytestmark = pytest.mark.django_db


def test_end_device_revokes_that_session_only(browser, device, user):
    phone, tablet = device("Phone"), device("Tablet")
    response = browser.end(phone)
    assert response.url == LIST
    assert messages_of(response) == ["Phone has been signed out."]
    assert live() == {tablet.pk}
    phone.refresh_from_db()
    assert (phone.revoked_reason, phone.revoked_by) == ("user", user)
    (event,) = phone.events.filter(kind="revoked")
    assert event.ip_address == "127.0.0.1"


def test_end_device_twice_tells_already_signed_out(browser, device):
    phone = device("Phone")
    browser.end(phone)
    assert messages_of(browser.end(phone))[-1] == "That device was already signed out."
    assert messages_of(browser.client.get(f"{LIST}{phone.pk}/end/"))[-1].endswith(
        "already signed out."
    )


def test_end_device_revoked_meanwhile_tells_already_signed_out(browser, device, monkeypatch):
    phone = device("Phone")

    def revoke_twice(session, **options):
        revoke_session(session, **options)
        return revoke_session(session, **options)

    monkeypatch.setattr(views, "revoke_session", revoke_twice)
    assert messages_of(browser.end(phone)) == ["That device was already signed out."]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("action", ["end", "rename"])
def test_device_page_of_other_user_is_not_found(browser, device, method, action):
    session = device("Another's", owner=UserFactory())
    response = getattr(browser.client, method)(f"{LIST}{session.pk}/{action}/")
    assert response.status_code == 404
    assert live() == {session.pk}
    session.refresh_from_db()
    assert session.name == "Another's"


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    "path", ["5b55770e-b065-4732-9fd5-fa15efa17790/end/", "1/end/", "x/rename/"]
)
def test_device_page_invalid_id_is_not_found(browser, method, path):
    assert getattr(browser.client, method)(LIST + path).status_code == 404


class TestThisDevice:
    def test_end_current_device_logs_out_of_site(self, browser, user, device):
        device("Another")
        session = browser.api_login(user)
        response = browser.end(session)
        assert response.url == "/accounts/login/"
        session.refresh_from_db()
        assert session.revoked_reason == "logout"
        assert get_user(browser.client).is_anonymous
        assert len(live()) == 1

    def test_end_current_device_needs_no_reauthentication(self, clock, stale, user):
        session = stale.api_login(user)
        assert stale.end(session).status_code == 302
        assert live() == set()

    def test_end_current_device_redirects_to_logout_redirect_url(self, browser, user, settings):
        settings.LOGOUT_REDIRECT_URL = "/bye/"
        assert browser.end(browser.api_login(user)).url == "/bye/"

    def test_end_current_device_confirmation_mentions_current_device(self, browser, user):
        session = browser.api_login(user)
        question = browser.client.get(f"{LIST}{session.pk}/end/")
        assert "You are using this device now" in question.text


class TestOthers:
    def test_end_others_keeps_current_device(self, browser, user, device):
        device("One")
        device("Two")
        another = device("Another's", owner=UserFactory())
        current = browser.api_login(user)
        assert messages_of(browser.end_others()) == ["2 other devices have been signed out."]
        assert live() == {current.pk, another.pk}

    def test_end_others_single_device_message_is_singular(self, browser, device):
        device("One")
        assert messages_of(browser.end_others()) == ["1 other device has been signed out."]

    def test_end_others_without_other_device_succeeds(self, browser):
        assert messages_of(browser.end_others()) == ["You were not signed in anywhere else."]

    def test_end_others_confirmation_shows_count(self, browser, user, device):
        browser.api_login(user)
        device("One")
        device("Two")
        question = browser.client.get(f"{LIST}end-others/")
        assert "You will have to sign in again on 2 other devices." in question.text


class TestGet:
    @pytest.mark.parametrize("method", ["get", "head", "options"])
    @pytest.mark.parametrize("action", ["", "end-others/", "{pk}/end/", "{pk}/rename/"])
    def test_devices_page_safe_method_changes_nothing(self, browser, device, method, action):
        session = device("Phone")
        before = DeviceSession.objects.values().get()
        path = LIST + action.format(pk=session.pk)
        answer = getattr(browser.client, method)(path, {"name": "x", "password": "y"})
        assert answer.status_code == 200
        assert DeviceSession.objects.values().get() == before

    def test_end_device_get_shows_confirmation_form(self, browser, device):
        session = device("Phone")
        page = Page(browser.client.get(f"{LIST}{session.pk}/end/").text)
        assert page.title == "Sign out Phone?"
        (form,) = page.all("form")
        assert form.attrs["method"] == "post"
        assert "action" not in form.attrs

    def test_device_list_post_is_not_allowed(self, browser):
        assert browser.client.post(LIST).status_code == 405


class TestCsrf:
    @pytest.mark.parametrize("action", ["end-others/", "{pk}/end/", "{pk}/rename/"])
    def test_devices_page_post_without_csrf_token_is_refused(self, user, device, action, settings):
        # Also in a project without the middleware.
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
        session = device("Phone")
        browser = Browser(enforce_csrf_checks=True)
        browser.client.force_login(user)
        response = browser.client.post(LIST + action.format(pk=session.pk), {"name": "x"})
        assert response.status_code == 403
        assert live() == {session.pk}
        session.refresh_from_db()
        assert session.name == "Phone"

    def test_end_device_with_csrf_token_of_page_succeeds(self, user, device):
        session = device("Phone")
        browser = Browser(enforce_csrf_checks=True)
        browser.client.force_login(user)
        tokens = Page(browser.show().text).all("input")
        assert {field.attrs["name"] for field in tokens} == {"csrfmiddlewaretoken"}
        token = tokens[0].attrs["value"]
        assert browser.end(session, csrfmiddlewaretoken=token).status_code == 302
        assert live() == set()


class TestErrors:
    def test_end_device_database_busy_answers_503(self, browser, device, monkeypatch):
        def busy(*args, **options):
            raise DatabaseBusyError

        monkeypatch.setattr(views, "revoke_session", busy)
        response = browser.end(device("Phone"))
        assert (response.status_code, response["Retry-After"]) == (503, "1")
        assert "busy" in Page(response.text).title
        assert "no-store" in response["Cache-Control"]

    @pytest.mark.django_db(transaction=True)
    def test_end_device_error_after_revocation_keeps_revocation(self, user, device, monkeypatch):
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        browser = Browser(raise_request_exception=False).login(user)
        phone = device("Phone")

        def fail(*args, **options):
            raise RuntimeError

        monkeypatch.setattr(messages_api, "add_message", fail)
        monkeypatch.setattr("django.contrib.messages.add_message", fail)
        assert browser.end(phone).status_code == 500
        assert live() == set()
