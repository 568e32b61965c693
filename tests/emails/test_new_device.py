"""The mail about a sign-in from a new device."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from refresh_sessions.sessions import revoke_session
from tests.emails.builders import ADDRESS, log_in, only, with_address
from tests.factories import UserFactory, make_pair

pytestmark = pytest.mark.django_db


class TestNewDevice:
    @pytest.fixture(autouse=True)
    def _on(self, options):
        options(MAIL_ON_NEW_DEVICE=True)

    def test_goes_to_the_user(self, user, rf, clock, mailoutbox):
        log_in(user, rf)
        log_in(user, rf, "curl/8.1")
        message = only(mailoutbox)
        assert message.recipients() == [ADDRESS]
        assert message.subject == "New sign-in from “curl/8.1”"
        assert f"your account {user.get_username()} on Jan. 15, 2027, 12:30 p.m. UTC" in (
            message.body
        )
        assert "“curl/8.1”, 203.0.113.5." in message.body

    def test_not_at_the_first_sign_in_of_all(self, user, rf, mailoutbox):
        log_in(UserFactory(), rf, "curl/8.1")
        log_in(user, rf)
        assert mailoutbox == []

    def test_not_from_a_device_that_was_here_before(self, user, rf, clock, mailoutbox):
        """Ended and expired sessions count: what matters is that the user knows the device."""
        revoke_session(log_in(user, rf).session, reason="logout")
        log_in(user, rf)
        clock.move(timedelta(days=30))
        log_in(user, rf)
        assert mailoutbox == []

    def test_once_per_device(self, user, rf, mailoutbox):
        for user_agent in ("one", "two", "three", "two", "three"):
            log_in(user, rf, user_agent)
        assert [message.subject for message in mailoutbox] == [
            "New sign-in from “two”",
            "New sign-in from “three”",
        ]

    def test_devices_of_others_are_not_known(self, user, rf, mailoutbox):
        log_in(user, rf)
        log_in(UserFactory(), rf, "curl/8.1")
        log_in(user, rf, "curl/8.1")
        assert only(mailoutbox).recipients() == [ADDRESS]

    def test_who_does_not_say_what_they_are_is_never_known(self, user, rf, mailoutbox):
        for _ in range(3):
            log_in(user, rf, "")
        make_pair(user)
        assert [message.subject for message in mailoutbox] == [
            "New sign-in from “unknown device”"
        ] * 3
        assert "unknown device”, unknown address." in mailoutbox[-1].body

    @pytest.mark.parametrize("user_agents", [["one"], ["one", "one"], ["one", "two"], ["", ""]])
    def test_costs_one_query(self, user, rf, options, user_agents):
        *before, last = user_agents

        def queries():
            user.device_sessions.all().delete()
            for user_agent in before:
                log_in(user, rf, user_agent)
            with CaptureQueriesContext(connection) as captured:
                log_in(user, rf, last)
            return [query["sql"] for query in captured]

        on = queries()
        options(MAIL_ON_NEW_DEVICE=False)
        off = queries()
        assert len(on) == len(off) + 1
        assert on[-1].startswith("SELECT")
        assert on[-1].rstrip().endswith("LIMIT 1")

    def test_costs_none_for_people_without_an_address(self, rf, options):
        user = with_address("")

        def queries():
            log_in(user, rf)
            with CaptureQueriesContext(connection) as captured:
                log_in(user, rf, "curl/8.1")
            return len(captured)

        on = queries()
        options(MAIL_ON_NEW_DEVICE=False)
        assert on == queries()

    def test_waits_for_the_commit(self, transactional_db, rf, mailoutbox):
        user = with_address(ADDRESS)
        log_in(user, rf)
        with transaction.atomic():
            log_in(user, rf, "curl/8.1")
            assert mailoutbox == []
        assert len(mailoutbox) == 1

    def test_is_not_sent_when_the_sign_in_is_rolled_back(self, transactional_db, rf, mailoutbox):
        user = with_address(ADDRESS)
        log_in(user, rf)
        with transaction.atomic():
            log_in(user, rf, "curl/8.1")
            transaction.set_rollback(True)
        assert mailoutbox == []
