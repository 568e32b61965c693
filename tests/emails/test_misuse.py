"""The mail about a bound refresh token that was presented without its key."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refresh_sessions.sessions import revoke_session
from tests.domain.client_actions import call
from tests.emails.builders import ADDRESS, log_in_with_key, only, present_copy

pytest.importorskip("cryptography")

pytestmark = pytest.mark.django_db


@pytest.fixture
def bound(user, rf, clock):
    """The tokens of a session that is bound to a key."""
    return log_in_with_key(user, rf, name="Ada's phone")


@pytest.fixture
def misuse(bound, rf):
    """Return a function that presents the copied token without the key."""
    return lambda address="198.51.100.7": present_copy(bound, rf, address)


def test_misuse_mail_is_disabled_by_default(misuse, mailoutbox):
    misuse()
    assert mailoutbox == []


@pytest.mark.parametrize("other", ["MAIL_ON_REUSE", "MAIL_ON_NEW_DEVICE"])
def test_misuse_mail_is_enabled_separately(misuse, mailoutbox, options, other):
    options(**{other: True})
    misuse()
    assert mailoutbox == []


class TestMisuse:
    @pytest.fixture(autouse=True)
    def _on(self, options):
        options(MAIL_ON_MISUSE=True)

    def test_misuse_mail_is_sent_once_per_event(self, misuse, mailoutbox, clock):
        misuse()
        misuse("192.0.2.66")
        assert only(mailoutbox).recipients() == [ADDRESS]
        clock.move(timedelta(minutes=61))
        misuse()
        assert len(mailoutbox) == 2

    def test_misuse_mail_says_that_nothing_was_lost(self, bound, misuse, mailoutbox):
        misuse()
        message = only(mailoutbox)
        assert message.subject == "A copied token of your session on “Ada's phone” was refused"
        assert "On Jan. 15, 2027, 12:30 p.m. UTC somebody presented" in message.body
        assert f"(account {bound.session.user.get_username()})" in message.body
        assert "They gained nothing" in message.body
        assert "- the client that presented the copy: curl/8.1, 198.51.100.7\n" in message.body
        assert "renewed the session: Shop/1.2, 203.0.113.5\n" in message.body
        assert call(bound) == "ok"

    def test_misuse_of_ended_session_sends_no_mail(self, bound, misuse, mailoutbox):
        revoke_session(bound.session, reason="logout")
        misuse()
        assert mailoutbox == []

    def test_misuse_mail_takes_no_extra_query(self, misuse, mailoutbox, options, clock):
        def queries():
            clock.move(timedelta(minutes=61))
            with CaptureQueriesContext(connection) as captured:
                misuse()
            return len(captured)

        on = queries()
        options(MAIL_ON_MISUSE=False)
        assert on == queries()
        assert len(mailoutbox) == 1
