"""Which device is this one."""

import pytest
from django.contrib.auth import login
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client, RequestFactory

from refresh_sessions.sessions import revoke_session, start_session
from tests.factories import UserFactory, make_pair
from tests.pages.browser import CHROME, Browser, told
from tests.pages.markup import Page

pytestmark = pytest.mark.django_db

COOKIE = "__Host-refresh_token"


def own_login_alone(browser) -> bool:
    """Whether the first row is the browser as the request shows it."""
    return "To end it, sign out of the site." in browser.show().text


class TestByCookie:
    @pytest.fixture(autouse=True)
    def _cookies(self, options):
        options(TRANSPORT="cookie")

    def test_it_is_the_session_of_the_cookie(self, browser, user, device):
        device("Another")
        browser.client.cookies[COOKIE] = make_pair(user, name="This one").refresh
        assert browser.names() == ["This one", "Another"]
        assert not own_login_alone(browser)

    def test_it_goes_before_what_is_remembered(self, browser, user):
        browser.api_login(user)
        browser.client.cookies[COOKIE] = make_pair(user, name="This one").refresh
        assert browser.names()[0] == "This one"

    def test_the_cookie_of_another_person_counts_for_nothing(self, browser, device):
        stranger = UserFactory()
        browser.client.cookies[COOKIE] = make_pair(stranger, name="Stranger's").refresh
        assert browser.names() == [CHROME]

    def test_nor_does_one_that_we_did_not_issue(self, browser, user):
        browser.client.cookies[COOKIE] = make_pair(user, name="This one").access
        assert browser.names() == [CHROME, "This one"]

    def test_nor_one_without_the_secret_of_its_family(self, browser, user, pair):
        pair.family.secret_digest = "0" * 64
        pair.family.save()
        browser.client.cookies[COOKIE] = pair.refresh
        assert own_login_alone(browser)

    def test_nor_one_whose_session_has_ended(self, browser, pair):
        browser.client.cookies[COOKIE] = pair.refresh
        revoke_session(pair.session, reason="admin")
        assert browser.names() == [CHROME]

    def test_it_is_dropped_when_this_device_is_signed_out(self, browser, pair):
        browser.client.cookies[COOKIE] = pair.refresh
        response = browser.end(pair.session)
        assert response.cookies[COOKIE].value == ""


class TestRemembered:
    def test_it_is_the_session_that_was_started_from_the_same_browser(self, browser, user, device):
        device("Another")
        session = browser.api_login(user)
        assert browser.show().context["current"].session == session
        assert browser.names() == [CHROME, "Another"]
        assert not own_login_alone(browser)

    def test_a_body_token_in_a_cookie_is_not_looked_at(self, browser, pair):
        browser.client.cookies[COOKIE] = pair.refresh
        assert own_login_alone(browser)

    def test_it_may_be_started_with_the_login_itself(self, user):
        request = RequestFactory().post("/")
        Client().force_login(user)
        browser = Browser()
        request.session = browser.client.session
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        session = start_session(user, request=request).session
        request.session.save()
        browser.client.cookies["sessionid"] = request.session.session_key
        assert browser.show().context["current"].session == session

    def test_not_where_somebody_else_signs_in(self, browser):
        browser.api_login(UserFactory())
        assert browser.names() == [CHROME]
        assert own_login_alone(browser)

    def test_nor_does_that_put_it_in_the_place_of_ones_own(self, browser, user):
        session = browser.api_login(user)
        browser.api_login(UserFactory())
        assert browser.show().context["current"].session == session

    def test_not_in_the_session_of_a_stranger(self, user):
        """A shop may keep a basket there, long before anybody logs in."""
        browser = Browser()
        basket = browser.client.session
        basket["basket"] = 1
        basket.save()
        browser.client.cookies["sessionid"] = basket.session_key
        browser.api_login(user)
        assert dict(browser.client.session.items()) == {"basket": 1}

    def test_not_when_it_has_ended(self, browser, user):
        revoke_session(browser.api_login(user), reason="admin")
        assert own_login_alone(browser)

    def test_not_after_a_logout(self, browser, user):
        browser.api_login(user)
        browser.client.post("/accounts/logout/")
        browser.login(user)
        assert own_login_alone(browser)
        assert len(browser.names()) == 2

    def test_a_client_of_the_api_alone_gets_no_session_cookie(self, user):
        browser = Browser()
        browser.api_login(user)
        assert "sessionid" not in browser.client.cookies
        request = RequestFactory().post("/")
        request.session = SessionStore()
        start_session(user, request=request)
        assert not request.session.accessed
        assert not Session.objects.exists()

    def test_nor_is_a_request_without_sessions_any_trouble(self, user):
        assert start_session(user, request=RequestFactory().post("/")).session.pk


class TestNeither:
    def test_the_browser_itself_stands_first(self, browser, device):
        device("Another")
        assert browser.names() == [CHROME, "Another"]
        assert own_login_alone(browser)
        first = Page(browser.show().text).all("li")[0]
        assert "127.0.0.1" in first.text
        assert first.all("button") == []
        assert first.all("a") == []

    def test_signing_out_everywhere_else_ends_all_device_sessions(self, browser, device):
        device("One")
        device("Two")
        assert told(browser.end_others()) == ["2 other devices have been signed out."]
        assert browser.names() == [CHROME]
