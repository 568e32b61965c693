"""Bound sessions in the admin: the sign, the filters and the alarm of a refused copy."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from refresh_sessions.models import Binding, EventKind, SessionEvent, TokenFamily

SIGN = "Tied to its device"
DETAILS = {
    "family": "6b0e5d1c-3f7a-4c21-9d84-000000000001",
    "reason": "proof_missing",
    "ip_address": "198.51.100.66",
    "user_agent": "curl/8",
    "other_ip_address": "203.0.113.5",
    "other_user_agent": "Shop/1.2",
}


def sign_of(page):
    """The key signs of a page, each with its tooltip and content."""
    pattern = r'<span class="[^"]*refresh-sessions-bound" title="([^"]*)">(.*?)</span>'
    return re.findall(pattern, page, re.DOTALL)


@pytest.fixture
def misused(make_session, make_event, bind):
    """A bound session with an event of a refused copy."""
    session = bind(make_session())
    make_event(session, EventKind.BOUND_TOKEN_MISUSED, ip_address="198.51.100.66", details=DETAILS)
    return session


class TestSign:
    def test_bound_session_has_icon_with_text(self, pages, make_session, bind):
        session = bind(make_session())
        for page in (pages.list().text, pages.open(session).text):
            ((title, content),) = sign_of(page)
            assert title == Binding.DPOP.label
            assert content.startswith("<svg")
            assert 'aria-hidden="true"' in content
            assert content.endswith(SIGN)

    def test_unbound_session_has_no_sign(self, pages, make_session):
        session = make_session()
        assert sign_of(pages.list().text + pages.open(session).text) == []

    def test_session_with_unbound_family_has_no_sign(self, pages, make_session, bind):
        session = bind(make_session())
        family = TokenFamily.objects.get(session=session)
        family.pk, family.binding, family.key_thumbprint = None, "", ""
        family.save(force_insert=True)
        assert sign_of(pages.list().text) == []

    def test_ended_session_keeps_sign(self, pages, make_session, bind):
        bind(make_session(status="revoked"))
        assert len(sign_of(pages.list().text)) == 1

    def test_family_shows_binding_with_thumbprint(self, pages, make_session, bind):
        page = pages.open(bind(make_session())).text
        assert f"<p>{Binding.DPOP.label}</p>" in page
        assert f"<p>{'k' * 43}</p>" in page

    def test_sign_takes_no_extra_query(self, pages, make_session, bind):
        sessions = [make_session() for _ in range(3)]

        def queries():
            cache.clear()
            with CaptureQueriesContext(connection) as captured:
                pages.list()
                pages.open(sessions[0])
            return len(captured)

        queries()
        before = queries()
        for session in sessions:
            bind(session)
        assert queries() == before


class TestBindingFilter:
    @pytest.fixture
    def sessions(self, make_session, bind):
        bind(make_session(status="revoked"))
        bind(make_session(status="expired"))
        bind(make_session(expires_at=timezone.now() - timedelta(days=1)))
        return {"none": make_session(), "dpop": bind(make_session())}

    @pytest.mark.parametrize("value", ["none", "dpop"])
    def test_binding_filter_keeps_live_sessions_of_binding(self, pages, sessions, value):
        assert pages.listed(bound=value) == {sessions[value].pk}

    def test_binding_filter_of_mixed_session_is_that_of_its_sign(self, pages, sessions):
        family = TokenFamily.objects.get(session=sessions["dpop"])
        family.pk, family.binding = None, ""
        family.save(force_insert=True)
        assert pages.listed(bound="dpop") == set()
        assert pages.listed(bound="none") == {one.pk for one in sessions.values()}

    def test_binding_filter_excludes_locked_out_sessions(self, pages, sessions):
        user = sessions["dpop"].user
        user.is_active = False
        user.save()
        assert pages.listed(bound="dpop") == set()

    @pytest.mark.parametrize("value", ["", "x", "dpop'"])
    def test_binding_filter_unknown_value_matches_nothing(self, pages, sessions, value):
        assert pages.listed(bound=value) == set()

    def test_binding_filter_names_each_binding(self, pages, sessions):
        page = pages.list().text
        for binding in Binding:
            assert f"Live: {binding.label}" in page


class TestMisuse:
    def test_misuse_filter_finds_sessions_with_the_event(self, pages, misused, make_session):
        make_session(status="revoked", reason="reuse")
        assert pages.listed(status="misuse") == {misused.pk}
        assert misused.pk not in pages.listed(status="reuse")

    def test_timeline_says_that_nothing_was_lost(self, pages, misused):
        page = pages.open(misused)
        (entry,) = [one for one in page.context["timeline"].entries if one.tone == "alarm"]
        assert (entry.sign, entry.address) == ("!", "198.51.100.66")
        for text in (
            "Bound refresh token used without its key",
            "Nothing was lost: the token was refused, and the session stays signed in.",
            "reason: no proof of the key",
            "address of the other client: 203.0.113.5",
        ):
            assert text in page.text

    @pytest.mark.parametrize(
        ("reason", "text"),
        [
            ("proof_malformed", "an invalid proof of the key"),
            ("proof_key", "a proof of another key"),
            ("device_proof_required", "a bound cookie of another session"),
            ("a reason of tomorrow", "a reason of tomorrow"),
        ],
    )
    def test_misuse_reason_is_readable(self, events, make_event, reason, text):
        make_event(kind=EventKind.BOUND_TOKEN_MISUSED, details={"reason": reason})
        assert f"reason: {text}" in events.list().text

    def test_event_filter_finds_misuse(self, events, misused, make_event):
        make_event(kind="reuse_detected")
        event = SessionEvent.objects.get(kind=EventKind.BOUND_TOKEN_MISUSED)
        assert events.listed(kind="bound_token_misused") == [event.pk]

    def test_misuse_is_exported(self, superuser_client, misused):
        address = "/admin/refresh_sessions/sessionevent/export/?kind=bound_token_misused"
        answer = superuser_client.get(address)
        text = b"".join(answer.streaming_content).decode("utf-8-sig")
        (row,) = csv.DictReader(io.StringIO(text))
        assert row["kind"] == "bound_token_misused"
        assert row["session_id"] == str(misused.pk)
        assert '"other_ip_address": "203.0.113.5"' in row["details"]
