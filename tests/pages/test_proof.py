"""Fresh proof of identity before other devices are signed out."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user
from django.contrib.auth.signals import user_login_failed

from refresh_sessions.models import DeviceSession
from refresh_sessions.pages import login_state
from refresh_sessions.sessions import start_session
from tests.factories import PASSWORD, UserFactory
from tests.listeners import heard
from tests.pages.browser import LIST, Browser, asked, live, told
from tests.pages.conftest import LONG_AGO
from tests.pages.markup import Page

pytestmark = pytest.mark.django_db


class TestStale:
    def test_is_asked_for_the_password(self, stale, end):
        assert asked(end(stale))
        assert len(live()) == 1

    def test_and_then_it_is_done(self, stale, end):
        end(stale)
        assert told(end(stale, password=PASSWORD))
        assert live() == set()

    def test_is_asked_on_the_page_as_well(self, stale, device):
        assert asked(stale.client.get(f"{LIST}{device().pk}/end/"))
        assert asked(stale.client.get(f"{LIST}end-others/"))

    def test_not_while_the_login_is_fresh(self, browser, clock, end):
        clock.move(timedelta(minutes=5))
        assert told(end(browser))

    def test_not_where_the_project_does_not_want_it(self, stale, end, options):
        options(REAUTHENTICATE_TO_REVOKE=False)
        assert told(end(stale))

    def test_after_as_long_as_the_project_says(self, browser, clock, end, options):
        options(REAUTHENTICATION_MAX_AGE=timedelta(seconds=30))
        clock.move(timedelta(seconds=31))
        assert asked(end(browser))

    def test_a_login_from_the_future_is_none(self, browser, clock, end):
        clock.move(-timedelta(seconds=6))
        assert asked(end(browser))

    def test_another_servers_clock_may_be_a_little_ahead(self, browser, clock, end):
        clock.move(-timedelta(seconds=5))
        assert told(end(browser))

    def test_renaming_needs_no_proof(self, stale, device):
        path = f"{LIST}{device('Phone').pk}/rename/"
        assert told(stale.client.post(path, {"name": "Kitchen"}))


class TestProof:
    def test_lasts_for_a_while(self, stale, clock, device):
        first, second, third = (device() for _ in range(3))
        stale.end(first, password=PASSWORD)
        clock.move(timedelta(minutes=4))
        assert told(stale.end(second))
        clock.move(timedelta(minutes=2))
        assert asked(stale.end(third))

    def test_changes_the_key_of_djangos_session(self, stale, device):
        before = stale.client.cookies["sessionid"].value
        stale.end(device(), password=PASSWORD)
        assert stale.client.cookies["sessionid"].value != before
        assert not get_user(stale.client).is_anonymous

    def test_of_one_browser_is_none_for_another(self, stale, user, clock, device):
        Browser().login(user)
        assert asked(stale.end(device()))

    def test_is_forgotten_with_a_new_password(self, browser, user, device):
        user.set_password("another one")
        user.save()
        session = browser.client.session
        session["_auth_user_hash"] = user.get_session_auth_hash()
        session.save()
        assert asked(browser.end(device()))

    def test_is_not_given_by_starting_a_device_session(self, stale, user, end):
        """A view may do that for whoever is logged in, and ask for nothing."""
        stale.api_login(user)
        assert asked(end(stale))

    def test_is_not_given_by_a_login_of_somebody_else(self, stale, rf, device):
        request = rf.get("/")
        request.session = stale.client.session
        login_state.record_login(request=request, user=UserFactory())
        request.session.save()
        assert asked(stale.end(device()))

    def test_is_given_by_logging_in_again(self, stale, user, end):
        assert asked(end(stale))
        stale.login(user)
        assert told(end(stale))

    def test_survives_a_newer_hash_of_the_same_password(self, stale, settings, device):
        settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[::-1]
        others = DeviceSession.objects.filter(pk=device("Phone").pk)
        assert told(stale.end(others.get(), password=PASSWORD)) == ["Phone has been signed out."]
        assert not get_user(stale.client).is_anonymous
        assert told(stale.end_others())

    def test_is_recorded_with_this_device(self, stale, user, device):
        session = stale.api_login(user)
        stale.end(device(), password=PASSWORD)
        event = session.events.get(kind="reauthenticated")
        assert (event.actor, event.details) == (user, {"methods": ["pwd"]})
        assert event.ip_address == "127.0.0.1"


class TestWrong:
    @pytest.mark.parametrize(
        "password", ["wrong", f" {PASSWORD}", PASSWORD.upper(), "", "x" * 5000]
    )
    def test_is_asked_again(self, stale, end, password):
        response = end(stale, password=password)
        assert asked(response)
        page = Page(response.text)
        assert page.title.startswith("Error:")
        (field,) = [item for item in page.all("input") if item.attrs["type"] == "password"]
        assert field.attrs["aria-invalid"] == "true"
        assert "value" not in field.attrs
        assert list(page.problems()) == []
        assert len(live()) == 1

    def test_the_password_of_another_is_none(self, stale, device):
        another = UserFactory(password="quite another")
        assert asked(stale.end(device(), password="quite another", username=str(another)))

    def test_listeners_for_failed_logins_hear_of_it(self, stale, end):
        with heard(user_login_failed) as failures:
            end(stale, password="wrong")
        assert len(failures) == 1

    def test_is_recorded_with_this_device(self, stale, user, end):
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

    def test_is_refused_and_told_how_to_go_on(self, passwordless, end):
        response = end(passwordless)
        assert response.status_code == 403
        page = Page(response.text)
        assert list(page.problems()) == []
        links = [link.attrs["href"] for link in page.all("a")]
        assert f"/accounts/login/?next={LIST}" in links
        assert len(live()) == 1

    @pytest.mark.parametrize("password", ["", "!", PASSWORD])
    def test_no_password_is_right(self, passwordless, end, password):
        assert end(passwordless, password=password).status_code == 403
        assert len(live()) == 1

    def test_a_fresh_login_will_do(self, passwordless, user, end):
        passwordless.client.force_login(user)
        assert told(end(passwordless))

    def test_may_end_this_device(self, passwordless, user):
        pair = start_session(user)
        session = passwordless.client.session
        session["refresh_sessions.device_session"] = str(pair.session.pk)
        session.save()
        assert passwordless.end(pair.session).status_code == 302
        assert live() == set()
