"""Identification of the current device."""

import pytest
from django.contrib.auth import login
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client, RequestFactory

from refresh_sessions.sessions import revoke_session, start_session
from tests.factories import UserFactory, make_pair
from tests.pages.browser import CHROME, Browser, messages_of
from tests.pages.markup import Page

pytestmark = pytest.mark.django_db

COOKIE = "__Host-refresh_token"


def lists_own_login_only(browser) -> bool:
    """Whether the first row is the browser itself, without a device session."""
    return "To end it, sign out of the site." in browser.show().text


class TestByCookie:
    @pytest.fixture(autouse=True)
    def _cookies(self, options):
        options(TRANSPORT="cookie")

    def test_current_device_is_session_of_cookie(self, browser, user, device):
        device("Another")
        browser.client.cookies[COOKIE] = make_pair(user, name="This one").refresh
        assert browser.names() == ["This one", "Another"]
        assert not lists_own_login_only(browser)

    def test_current_device_cookie_precedes_remembered_session(self, browser, user):
        browser.api_login(user)
        browser.client.cookies[COOKIE] = make_pair(user, name="This one").refresh
        assert browser.names()[0] == "This one"

    def test_current_device_cookie_of_other_user_is_ignored(self, browser, device):
        stranger = UserFactory()
        browser.client.cookies[COOKIE] = make_pair(stranger, name="Stranger's").refresh
        assert browser.names() == [CHROME]

    def test_current_device_cookie_with_access_token_is_ignored(self, browser, user):
        browser.client.cookies[COOKIE] = make_pair(user, name="This one").access
        assert browser.names() == [CHROME, "This one"]

    def test_current_device_cookie_with_wrong_secret_is_ignored(self, browser, user, pair):
        pair.family.secret_digest = "0" * 64
        pair.family.save()
        browser.client.cookies[COOKIE] = pair.refresh
        assert lists_own_login_only(browser)

    def test_current_device_cookie_of_revoked_session_is_ignored(self, browser, pair):
        browser.client.cookies[COOKIE] = pair.refresh
        revoke_session(pair.session, reason="admin")
        assert browser.names() == [CHROME]

    def test_refresh_cookie_current_device_signed_out_is_cleared(self, browser, pair):
        browser.client.cookies[COOKIE] = pair.refresh
        response = browser.end(pair.session)
        assert response.cookies[COOKIE].value == ""


class TestRemembered:
    def test_current_device_is_session_of_api_login_in_browser(self, browser, user, device):
        device("Another")
        session = browser.api_login(user)
        assert browser.show().context["current"].session == session
        assert browser.names() == [CHROME, "Another"]
        assert not lists_own_login_only(browser)

    def test_current_device_is_found_by_refresh_cookie_of_cookie_urls(self, browser, pair):
        """``TRANSPORT`` is "body", and ``refresh_sessions.urls_cookie`` has set the cookie."""
        browser.client.cookies[COOKIE] = pair.refresh
        assert browser.show().context["current"].session == pair.session
        response = browser.end(pair.session)
        assert response.cookies[COOKIE].value == ""

    def test_current_device_is_session_started_at_login(self, user):
        request = RequestFactory().post("/")
        Client().force_login(user)
        browser = Browser()
        request.session = browser.client.session
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        session = start_session(user, request=request).session
        request.session.save()
        browser.client.cookies["sessionid"] = request.session.session_key
        assert browser.show().context["current"].session == session

    def test_current_device_api_login_of_other_user_is_ignored(self, browser):
        browser.api_login(UserFactory())
        assert browser.names() == [CHROME]
        assert lists_own_login_only(browser)

    def test_current_device_api_login_of_other_user_keeps_session(self, browser, user):
        session = browser.api_login(user)
        browser.api_login(UserFactory())
        assert browser.show().context["current"].session == session

    def test_anonymous_django_session_is_not_changed_by_api_login(self, user):
        """An anonymous session may hold a shopping cart."""
        browser = Browser()
        basket = browser.client.session
        basket["basket"] = 1
        basket.save()
        browser.client.cookies["sessionid"] = basket.session_key
        browser.api_login(user)
        assert dict(browser.client.session.items()) == {"basket": 1}

    def test_current_device_revoked_session_is_ignored(self, browser, user):
        revoke_session(browser.api_login(user), reason="admin")
        assert lists_own_login_only(browser)

    def test_current_device_after_logout_is_forgotten(self, browser, user):
        browser.api_login(user)
        browser.client.post("/accounts/logout/")
        browser.login(user)
        assert lists_own_login_only(browser)
        assert len(browser.names()) == 2

    def test_api_login_without_django_session_sets_no_cookie(self, user):
        browser = Browser()
        browser.api_login(user)
        assert "sessionid" not in browser.client.cookies
        request = RequestFactory().post("/")
        request.session = SessionStore()
        start_session(user, request=request)
        assert not request.session.accessed
        assert not Session.objects.exists()

    def test_start_session_request_without_session_succeeds(self, user):
        assert start_session(user, request=RequestFactory().post("/")).session.pk


class TestUnknown:
    def test_current_device_unknown_is_shown_first_without_button(self, browser, device):
        device("Another")
        assert browser.names() == [CHROME, "Another"]
        assert lists_own_login_only(browser)
        first = Page(browser.show().text).all("li")[0]
        assert "127.0.0.1" in first.text
        assert first.all("button") == []
        assert first.all("a") == []

    def test_end_others_unknown_current_device_revokes_all_sessions(self, browser, device):
        device("One")
        device("Two")
        assert messages_of(browser.end_others()) == ["2 other devices have been signed out."]
        assert browser.names() == [CHROME]
