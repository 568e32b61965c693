"""Throttle of re-authentication attempts."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends import signed_cookies

from refresh_sessions.models import ProofAttempts
from tests.factories import PASSWORD
from tests.pages.browser import Browser, asks_for_password, live, messages_of
from tests.pages.conftest import LONG_AGO
from tests.pages.markup import Page

pytestmark = pytest.mark.django_db


class TestThrottle:
    def test_throttle_sixth_wrong_password_is_refused(self, stale, end):
        for _ in range(5):
            assert asks_for_password(end(stale, password="wrong"))
        response = end(stale, password=PASSWORD)
        assert response.status_code == 429
        assert 1 <= int(response["Retry-After"]) <= 60
        assert "Too many attempts" in Page(response.text).title
        assert list(Page(response.text).problems()) == []
        assert len(live()) == 1

    def test_throttle_after_a_minute_allows_password(self, stale, end, clock):
        for _ in range(6):
            end(stale, password="wrong")
        clock.move(timedelta(seconds=61))
        assert messages_of(end(stale, password=PASSWORD))

    def test_throttle_counts_submitted_passwords_only(self, stale, end):
        for _ in range(6):
            assert asks_for_password(end(stale))
        assert messages_of(end(stale, password=PASSWORD))

    def test_throttle_of_attacker_does_not_affect_owner(self, stale, user, end, clock):
        attacker = Browser()
        attacker.client.force_login(user)
        clock.move(LONG_AGO)
        for _ in range(6):
            response = attacker.end_others(password="wrong")
        assert response.status_code == 429
        assert messages_of(end(stale, password=PASSWORD))

    def test_throttle_signed_cookie_sessions_counts_by_user(self, user, end, clock, settings):
        settings.SESSION_ENGINE = signed_cookies.__name__
        browsers = [Browser() for _ in range(6)]
        for browser in browsers:
            browser.client.force_login(user)
            # Otherwise all cookies would be equal.
            clock.move(timedelta(seconds=1))
        clock.move(LONG_AGO)
        assert len({browser.client.cookies["sessionid"].value for browser in browsers}) == 6
        answers = [end(browser, password="wrong").status_code for browser in browsers]
        assert answers == [200] * 5 + [429]

    def test_throttle_after_fifty_failures_blocks_for_a_day(
        self, stale, end, settings, clock, user
    ):
        rates = {"DEFAULT_THROTTLE_RATES": {"session-reauthenticate": None}}
        settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, **rates}
        for _ in range(50):
            assert asks_for_password(end(stale, password="wrong"))
        response = end(stale, password=PASSWORD)
        assert (response.status_code, response["Retry-After"]) == (429, "86400")
        assert "Too many attempts" in Page(response.text).title
        assert list(Page(response.text).problems()) == []
        # The limit is per login of the user; success resets it.
        other = Browser()
        other.client.force_login(user)
        clock.move(LONG_AGO)
        assert asks_for_password(end(other, password="wrong"))
        assert messages_of(end(other, password=PASSWORD))
        assert ProofAttempts.objects.get().count == 50

    def test_throttle_uses_rate_of_project(self, stale, end, settings):
        rates = {"DEFAULT_THROTTLE_RATES": {"session-reauthenticate": "1/min"}}
        settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, **rates}
        assert asks_for_password(end(stale, password="wrong"))
        assert end(stale, password=PASSWORD).status_code == 429
