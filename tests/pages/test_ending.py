"""Signing devices out, while the login is fresh."""

import pytest
from django.contrib.auth import get_user
from django.contrib.messages import api as messages_api
from django.db import connection

from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.models import DeviceSession
from refresh_sessions.pages import views
from refresh_sessions.sessions import revoke_session
from tests.factories import UserFactory
from tests.pages.browser import LIST, Browser, live, told
from tests.pages.markup import Page

pytestmark = pytest.mark.django_db


def test_ends_that_device_and_no_other(browser, device, user):
    phone, tablet = device("Phone"), device("Tablet")
    response = browser.end(phone)
    assert response.url == LIST
    assert told(response) == ["Phone has been signed out."]
    assert live() == {tablet.pk}
    phone.refresh_from_db()
    assert (phone.revoked_reason, phone.revoked_by) == ("user", user)
    (event,) = phone.events.filter(kind="revoked")
    assert event.ip_address == "127.0.0.1"


def test_twice_is_fine(browser, device):
    phone = device("Phone")
    browser.end(phone)
    assert told(browser.end(phone))[-1] == "That device was already signed out."
    assert told(browser.client.get(f"{LIST}{phone.pk}/end/"))[-1].endswith("already signed out.")


def test_of_two_at_once_one_comes_too_late(browser, device, monkeypatch):
    phone = device("Phone")

    def too_late(session, **options):
        revoke_session(session, **options)
        return revoke_session(session, **options)

    monkeypatch.setattr(views, "revoke_session", too_late)
    assert told(browser.end(phone)) == ["That device was already signed out."]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("action", ["end", "rename"])
def test_the_device_of_another_does_not_exist(browser, device, method, action):
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
def test_ids_that_are_none(browser, method, path):
    assert getattr(browser.client, method)(LIST + path).status_code == 404


class TestThisDevice:
    def test_is_signed_out_of_the_site_as_well(self, browser, user, device):
        device("Another")
        session = browser.api_login(user)
        response = browser.end(session)
        assert response.url == "/accounts/login/"
        session.refresh_from_db()
        assert session.revoked_reason == "logout"
        assert get_user(browser.client).is_anonymous
        assert len(live()) == 1

    def test_needs_no_proof(self, clock, stale, user):
        session = stale.api_login(user)
        assert stale.end(session).status_code == 302
        assert live() == set()

    def test_leads_where_the_project_says(self, browser, user, settings):
        settings.LOGOUT_REDIRECT_URL = "/bye/"
        assert browser.end(browser.api_login(user)).url == "/bye/"

    def test_the_question_says_so(self, browser, user):
        session = browser.api_login(user)
        question = browser.client.get(f"{LIST}{session.pk}/end/")
        assert "You are using this device now" in question.text


class TestOthers:
    def test_this_device_stays(self, browser, user, device):
        device("One")
        device("Two")
        another = device("Another's", owner=UserFactory())
        current = browser.api_login(user)
        assert told(browser.end_others()) == ["2 other devices have been signed out."]
        assert live() == {current.pk, another.pk}

    def test_one_is_one(self, browser, device):
        device("One")
        assert told(browser.end_others()) == ["1 other device has been signed out."]

    def test_none_is_fine(self, browser):
        assert told(browser.end_others()) == ["You were not signed in anywhere else."]

    def test_the_question_counts(self, browser, user, device):
        browser.api_login(user)
        device("One")
        device("Two")
        question = browser.client.get(f"{LIST}end-others/")
        assert "You will have to sign in again on 2 other devices." in question.text


class TestGet:
    @pytest.mark.parametrize("method", ["get", "head", "options"])
    @pytest.mark.parametrize("action", ["", "end-others/", "{pk}/end/", "{pk}/rename/"])
    def test_changes_nothing(self, browser, device, method, action):
        session = device("Phone")
        before = DeviceSession.objects.values().get()
        path = LIST + action.format(pk=session.pk)
        answer = getattr(browser.client, method)(path, {"name": "x", "password": "y"})
        assert answer.status_code == 200
        assert DeviceSession.objects.values().get() == before

    def test_asks_first(self, browser, device):
        session = device("Phone")
        page = Page(browser.client.get(f"{LIST}{session.pk}/end/").text)
        assert page.title == "Sign out Phone?"
        (form,) = page.all("form")
        assert form.attrs["method"] == "post"
        assert "action" not in form.attrs

    def test_the_list_cannot_be_posted_to(self, browser):
        assert browser.client.post(LIST).status_code == 405


class TestForgery:
    @pytest.mark.parametrize("action", ["end-others/", "{pk}/end/", "{pk}/rename/"])
    def test_without_a_token_nothing_happens(self, user, device, action, settings):
        # Also in a project that does without the middleware.
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
        session = device("Phone")
        browser = Browser(enforce_csrf_checks=True)
        browser.client.force_login(user)
        response = browser.client.post(LIST + action.format(pk=session.pk), {"name": "x"})
        assert response.status_code == 403
        assert live() == {session.pk}
        session.refresh_from_db()
        assert session.name == "Phone"

    def test_with_the_token_of_the_page_it_works(self, user, device):
        session = device("Phone")
        browser = Browser(enforce_csrf_checks=True)
        browser.client.force_login(user)
        tokens = Page(browser.show().text).all("input")
        assert {field.attrs["name"] for field in tokens} == {"csrfmiddlewaretoken"}
        token = tokens[0].attrs["value"]
        assert browser.end(session, csrfmiddlewaretoken=token).status_code == 302
        assert live() == set()


class TestTrouble:
    def test_a_busy_database_is_said_with_503(self, browser, device, monkeypatch):
        def busy(*args, **options):
            raise DatabaseBusyError

        monkeypatch.setattr(views, "revoke_session", busy)
        response = browser.end(device("Phone"))
        assert (response.status_code, response["Retry-After"]) == (503, "1")
        assert "busy" in Page(response.text).title
        assert "no-store" in response["Cache-Control"]

    @pytest.mark.django_db(transaction=True)
    def test_what_was_ended_stays_so_when_the_answer_fails(self, user, device, monkeypatch):
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        browser = Browser(raise_request_exception=False).login(user)
        phone = device("Phone")

        def fail(*args, **options):
            raise RuntimeError

        monkeypatch.setattr(messages_api, "add_message", fail)
        monkeypatch.setattr("django.contrib.messages.add_message", fail)
        assert browser.end(phone).status_code == 500
        assert live() == set()
