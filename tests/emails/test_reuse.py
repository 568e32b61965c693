"""The mail about a reused refresh token."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refresh_sessions.policies import SessionPolicy
from tests.domain.client_actions import call, refused
from tests.emails.builders import ADDRESS, come_from, log_in, only, refreshed_twice, reuse
from tests.factories import make_pair

pytestmark = pytest.mark.django_db


class EverythingEnds(SessionPolicy):
    def reuse_ends(self, user, *, session):
        return "user"


class TestOff:
    def test_mails_are_disabled_by_default(self, user, rf, clock, mailoutbox):
        log_in(user, rf)
        log_in(user, rf, "curl/8.1")
        reuse(user, rf, clock)
        assert mailoutbox == []

    def test_mails_are_enabled_separately(self, user, rf, clock, mailoutbox, options):
        options(MAIL_ON_NEW_DEVICE=True)
        reuse(user, rf, clock)
        assert mailoutbox == []
        options(MAIL_ON_NEW_DEVICE=False, MAIL_ON_REUSE=True)
        log_in(user, rf, "curl/8.1")
        assert mailoutbox == []


class TestReuse:
    @pytest.fixture(autouse=True)
    def _on(self, options):
        options(MAIL_ON_REUSE=True)

    def test_reuse_mail_is_sent_to_the_user_once(self, user, rf, clock, mailoutbox):
        newest = reuse(user, rf, clock)
        assert refused(newest.refresh) == "session_revoked"
        assert only(mailoutbox).recipients() == [ADDRESS]

    def test_reuse_mail_describes_the_reuse(self, user, rf, clock, mailoutbox):
        reuse(user, rf, clock, name="Ada's phone")
        message = only(mailoutbox)
        assert message.subject == "Your session on “Ada's phone” was ended"
        # 12:30, and three times eleven seconds.
        assert "was ended on Jan. 15, 2027, 12:30 p.m. UTC because" in message.body
        assert f"(account {user.get_username()})" in message.body
        assert "- the one that presented the used token: curl/8.1, 198.51.100.7\n" in message.body
        assert "- the one that last renewed the session: Shop/1.2, 203.0.113.5\n" in message.body
        assert "Your other sessions are not affected." in message.body

    def test_reuse_mail_has_device_names(self, user, rf, clock, mailoutbox, monkeypatch):
        pytest.importorskip("ua_parser")
        monkeypatch.undo()
        reuse(user, rf, clock)
        message = only(mailoutbox)
        assert message.subject == "Your session on “Shop” was ended"
        assert "- the one that presented the used token: curl, 198.51.100.7\n" in message.body
        assert "- the one that last renewed the session: Shop, 203.0.113.5\n" in message.body

    def test_reuse_mail_mentions_revocation_of_all_sessions(
        self, user, rf, clock, mailoutbox, options
    ):
        options(POLICY=f"{__name__}.EverythingEnds")
        other = log_in(user, rf)
        reuse(user, rf, clock)
        assert call(other) == "session_revoked"
        assert "All your other sessions were ended as well." in only(mailoutbox).body

    def test_reuse_mail_without_request_has_unknown_device(self, user, clock, mailoutbox):
        stolen = make_pair(user)
        refreshed_twice(stolen, clock)
        refused(stolen.refresh)
        message = only(mailoutbox)
        assert message.subject == "Your session on “unknown device” was ended"
        assert message.body.count("unknown client, unknown address\n") == 2

    def test_reuse_mail_template_has_revocation_reason(
        self, user, rf, clock, mailoutbox, override
    ):
        override("reuse_body.txt", "{{ session.reason }}")
        reuse(user, rf, clock)
        assert only(mailoutbox).body == "A used refresh token was presented again"

    def test_reuse_mail_takes_no_extra_query(self, user, rf, clock, mailoutbox, options):
        def queries():
            stolen = log_in(user, rf)
            refreshed_twice(stolen, clock)
            with CaptureQueriesContext(connection) as captured:
                refused(stolen.refresh, request=come_from(rf, "curl/8.1"))
            return len(captured)

        on = queries()
        options(MAIL_ON_REUSE=False)
        assert on == queries()
        assert len(mailoutbox) == 1
