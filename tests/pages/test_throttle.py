"""How often somebody may try to prove who they are."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends import signed_cookies

from refresh_sessions.models import ProofAttempts
from tests.factories import PASSWORD
from tests.pages.browser import Browser, asked, live, told
from tests.pages.conftest import LONG_AGO
from tests.pages.markup import Page

pytestmark = pytest.mark.django_db


class TestThrottle:
    def test_stops_guessing(self, stale, end):
        for _ in range(5):
            assert asked(end(stale, password="wrong"))
        response = end(stale, password=PASSWORD)
        assert response.status_code == 429
        assert 1 <= int(response["Retry-After"]) <= 60
        assert "Too many attempts" in Page(response.text).title
        assert list(Page(response.text).problems()) == []
        assert len(live()) == 1

    def test_lets_go_after_a_minute(self, stale, end, clock):
        for _ in range(6):
            end(stale, password="wrong")
        clock.move(timedelta(seconds=61))
        assert told(end(stale, password=PASSWORD))

    def test_counts_proofs_only(self, stale, end):
        for _ in range(6):
            assert asked(end(stale))
        assert told(end(stale, password=PASSWORD))

    def test_does_not_let_a_thief_stop_the_owner(self, stale, user, end, clock):
        thief = Browser()
        thief.client.force_login(user)
        clock.move(LONG_AGO)
        for _ in range(6):
            response = thief.end_others(password="wrong")
        assert response.status_code == 429
        assert told(end(stale, password=PASSWORD))

    def test_counts_by_user_where_sessions_live_in_cookies(self, user, end, clock, settings):
        settings.SESSION_ENGINE = signed_cookies.__name__
        browsers = [Browser() for _ in range(6)]
        for browser in browsers:
            browser.client.force_login(user)
            # Else all cookies would be the same.
            clock.move(timedelta(seconds=1))
        clock.move(LONG_AGO)
        assert len({browser.client.cookies["sessionid"].value for browser in browsers}) == 6
        answers = [end(browser, password="wrong").status_code for browser in browsers]
        assert answers == [200] * 5 + [429]

    def test_ends_at_fifty_in_a_row_whatever_the_rate(self, stale, end, settings, clock, user):
        rates = {"DEFAULT_THROTTLE_RATES": {"session-reauthenticate": None}}
        settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, **rates}
        for _ in range(50):
            assert asked(end(stale, password="wrong"))
        response = end(stale, password=PASSWORD)
        assert (response.status_code, response["Retry-After"]) == (429, "86400")
        assert "Too many attempts" in Page(response.text).title
        assert list(Page(response.text).problems()) == []
        # Another login of the same person is not affected, and success gives all of them back.
        other = Browser()
        other.client.force_login(user)
        clock.move(LONG_AGO)
        assert asked(end(other, password="wrong"))
        assert told(end(other, password=PASSWORD))
        assert ProofAttempts.objects.get().count == 50

    def test_has_the_rate_of_the_project(self, stale, end, settings):
        rates = {"DEFAULT_THROTTLE_RATES": {"session-reauthenticate": "1/min"}}
        settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, **rates}
        assert asked(end(stale, password="wrong"))
        assert end(stale, password=PASSWORD).status_code == 429
