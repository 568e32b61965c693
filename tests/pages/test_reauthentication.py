"""Re-authentication before the sessions of other devices are revoked."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user
from django.contrib.auth.signals import user_login_failed

from refresh_sessions.models import DeviceSession
from refresh_sessions.pages import login_state
from refresh_sessions.sessions import start_session
from tests.factories import PASSWORD, UserFactory
from tests.listeners import heard
from tests.pages.browser import LIST, Browser, asks_for_password, live, messages_of
from tests.pages.conftest import LONG_AGO
from tests.pages.markup import Page

pytestmark = pytest.mark.django_db


class TestStaleLogin:
    def test_end_device_stale_login_asks_for_password(self, stale, end):
        assert asks_for_password(end(stale))
        assert len(live()) == 1

    def test_end_device_stale_login_with_password_succeeds(self, stale, end):
        end(stale)
        assert messages_of(end(stale, password=PASSWORD))
        assert live() == set()

    def test_confirmation_stale_login_asks_for_password(self, stale, device):
        assert asks_for_password(stale.client.get(f"{LIST}{device().pk}/end/"))
        assert asks_for_password(stale.client.get(f"{LIST}end-others/"))

    def test_end_device_recent_login_needs_no_password(self, browser, clock, end):
        clock.move(timedelta(minutes=5))
        assert messages_of(end(browser))

    def test_end_device_reauthentication_disabled_needs_no_password(self, stale, end, options):
        options(REAUTHENTICATE_TO_REVOKE=False)
        assert messages_of(end(stale))

    def test_end_device_after_custom_max_age_asks_for_password(self, browser, clock, end, options):
        options(REAUTHENTICATION_MAX_AGE=timedelta(seconds=30))
        clock.move(timedelta(seconds=31))
        assert asks_for_password(end(browser))

    def test_end_device_login_in_future_asks_for_password(self, browser, clock, end):
        clock.move(-timedelta(seconds=6))
        assert asks_for_password(end(browser))

    def test_end_device_login_within_clock_skew_needs_no_password(self, browser, clock, end):
        clock.move(-timedelta(seconds=5))
        assert messages_of(end(browser))

    def test_rename_stale_login_needs_no_password(self, stale, device):
        path = f"{LIST}{device('Phone').pk}/rename/"
        assert messages_of(stale.client.post(path, {"name": "Kitchen"}))


class TestReauthentication:
    def test_reauthentication_is_remembered_until_max_age(self, stale, clock, device):
        first, second, third = (device() for _ in range(3))
        stale.end(first, password=PASSWORD)
        clock.move(timedelta(minutes=4))
        assert messages_of(stale.end(second))
        clock.move(timedelta(minutes=2))
        assert asks_for_password(stale.end(third))

    def test_reauthentication_cycles_django_session_key(self, stale, device):
        before = stale.client.cookies["sessionid"].value
        stale.end(device(), password=PASSWORD)
        assert stale.client.cookies["sessionid"].value != before
        assert not get_user(stale.client).is_anonymous

    def test_reauthentication_of_other_browser_is_ignored(self, stale, user, clock, device):
        Browser().login(user)
        assert asks_for_password(stale.end(device()))

    def test_reauthentication_password_changed_is_forgotten(self, browser, user, device):
        user.set_password("another one")
        user.save()
        session = browser.client.session
        session["_auth_user_hash"] = user.get_session_auth_hash()
        session.save()
        assert asks_for_password(browser.end(device()))

    def test_reauthentication_is_not_implied_by_api_login(self, stale, user, end):
        """A view may start a session for the logged-in user without asking for anything."""
        stale.api_login(user)
        assert asks_for_password(end(stale))

    def test_reauthentication_is_not_implied_by_login_of_other_user(self, stale, rf, device):
        request = rf.get("/")
        request.session = stale.client.session
        login_state.record_login(request=request, user=UserFactory())
        request.session.save()
        assert asks_for_password(stale.end(device()))

    def test_reauthentication_is_implied_by_new_login(self, stale, user, end):
        assert asks_for_password(end(stale))
        stale.login(user)
        assert messages_of(end(stale))

    def test_reauthentication_password_rehashed_is_kept(self, stale, settings, device):
        settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[::-1]
        others = DeviceSession.objects.filter(pk=device("Phone").pk)
        assert messages_of(stale.end(others.get(), password=PASSWORD)) == [
            "Phone has been signed out."
        ]
        assert not get_user(stale.client).is_anonymous
        assert messages_of(stale.end_others())

    def test_reauthentication_is_recorded_with_current_device(self, stale, user, device):
        session = stale.api_login(user)
        stale.end(device(), password=PASSWORD)
        event = session.events.get(kind="reauthenticated")
        assert (event.actor, event.details) == (user, {"methods": ["pwd"]})
        assert event.ip_address == "127.0.0.1"


class TestFailedReauthentication:
    @pytest.mark.parametrize(
        "password", ["wrong", f" {PASSWORD}", PASSWORD.upper(), "", "x" * 5000]
    )
    def test_wrong_password_shows_error(self, stale, end, password):
        response = end(stale, password=password)
        assert asks_for_password(response)
        page = Page(response.text)
        assert page.title.startswith("Error:")
        (field,) = [item for item in page.all("input") if item.attrs["type"] == "password"]
        assert field.attrs["aria-invalid"] == "true"
        assert "value" not in field.attrs
        assert list(page.problems()) == []
        assert len(live()) == 1

    def test_password_of_other_user_is_refused(self, stale, device):
        another = UserFactory(password="quite another")
        assert asks_for_password(
            stale.end(device(), password="quite another", username=str(another))
        )

    def test_wrong_password_sends_user_login_failed(self, stale, end):
        with heard(user_login_failed) as failures:
            end(stale, password="wrong")
        assert len(failures) == 1

    def test_wrong_password_is_recorded_with_current_device(self, stale, user, end):
        session = stale.api_login(user)
        end(stale, password="wrong")
        end(stale, password="")
        (event,) = session.events.filter(kind="reauthentication_failed")
        assert (event.actor, event.details) == (user, {"methods": ["password"]})


class TestWithoutPassword:
    @pytest.fixture
    def passwordless(self, user, clock):
        user.set_unusable_password()
        user.save()
        browser = Browser()
        browser.client.force_login(user)
        clock.move(LONG_AGO)
        return browser

    def test_user_without_password_is_referred_to_login(self, passwordless, end):
        response = end(passwordless)
        assert response.status_code == 403
        page = Page(response.text)
        assert list(page.problems()) == []
        links = [link.attrs["href"] for link in page.all("a")]
        assert f"/accounts/login/?next={LIST}" in links
        assert len(live()) == 1

    @pytest.mark.parametrize("password", ["", "!", PASSWORD])
    def test_user_without_password_any_password_is_refused(self, passwordless, end, password):
        assert end(passwordless, password=password).status_code == 403
        assert len(live()) == 1

    def test_user_without_password_recent_login_suffices(self, passwordless, user, end):
        passwordless.client.force_login(user)
        assert messages_of(end(passwordless))

    def test_user_without_password_ends_current_device(self, passwordless, user):
        pair = start_session(user)
        session = passwordless.client.session
        session["refresh_sessions.device_session"] = str(pair.session.pk)
        session.save()
        assert passwordless.end(pair.session).status_code == 302
        assert live() == set()
