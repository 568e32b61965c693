"""Mails to people about their sessions: when, to whom, and what must never be in them."""

import copy
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection, transaction
from django.test.signals import template_rendered
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from refresh_sessions import notifications
from refresh_sessions.checks import check_deployment
from refresh_sessions.devices import naming
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.sessions import refresh_session, revoke_session
from tests.clock import standing_clock
from tests.domain.stories import AFTER_OVERLAP, call, family_of, refused, session_of
from tests.factories import UserFactory, make_pair

pytestmark = pytest.mark.django_db

ADDRESS = "ada@example.org"


class EverythingEnds(SessionPolicy):
    def reuse_ends(self, user, *, session):
        return "user"


@pytest.fixture
def user():
    return with_address(ADDRESS)


@pytest.fixture
def both(options):
    options(MAIL_ON_REUSE=True, MAIL_ON_NEW_DEVICE=True)


@pytest.fixture
def clock():
    with standing_clock(datetime(2027, 1, 15, 12, 30, tzinfo=UTC)) as standing:
        yield standing


@pytest.fixture
def override(settings, tmp_path):
    """Put a template of the project's own in place of one of ours."""

    def put(name, text):
        file = tmp_path / "refresh_sessions" / "mail" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        templates = copy.deepcopy(settings.TEMPLATES)
        templates[0]["DIRS"] = [tmp_path]
        settings.TEMPLATES = templates

    return put


@pytest.fixture(autouse=True)
def _plain_names(monkeypatch):
    """Devices go by their user agents, whatever extras this run has."""
    monkeypatch.setattr(naming, "can_parse", lambda: False)


def with_address(address):
    user = UserFactory(username="ada@example.org")
    setattr(user, user.get_email_field_name(), address)
    user.save()
    return user


def come_from(rf, user_agent, address="203.0.113.5"):
    return rf.get("/", HTTP_USER_AGENT=user_agent, REMOTE_ADDR=address)


def sign_in(user, rf, user_agent="Shop/1.2", **options):
    return make_pair(user, request=come_from(rf, user_agent), **options)


def refreshed_twice(pair, clock):
    """Go on until the first token is a used one, whoever presents it and whenever."""
    for _ in range(2):
        clock.move(AFTER_OVERLAP)
        pair = refresh_session(pair.refresh)
    return pair


def reuse(user, rf, clock, **options):
    """Have a thief present a used token; return the owner's newest tokens."""
    stolen = sign_in(user, rf, **options)
    newest = refreshed_twice(stolen, clock)
    family = family_of(stolen)
    family.last_ip_address, family.last_user_agent = "203.0.113.5", "Shop/1.2"
    family.save()
    clock.move(AFTER_OVERLAP)
    thief = come_from(rf, "curl/8.1", "198.51.100.7")
    assert refused(stolen.refresh, request=thief) == "session_revoked"
    return newest


def only(mailoutbox):
    (message,) = mailoutbox
    return message


class TestOff:
    def test_is_the_default(self, user, rf, clock, mailoutbox):
        sign_in(user, rf)
        sign_in(user, rf, "curl/8.1")
        reuse(user, rf, clock)
        assert mailoutbox == []

    def test_one_without_the_other(self, user, rf, clock, mailoutbox, options):
        options(MAIL_ON_NEW_DEVICE=True)
        reuse(user, rf, clock)
        assert mailoutbox == []
        options(MAIL_ON_NEW_DEVICE=False, MAIL_ON_REUSE=True)
        sign_in(user, rf, "curl/8.1")
        assert mailoutbox == []


class TestReuse:
    @pytest.fixture(autouse=True)
    def _on(self, options):
        options(MAIL_ON_REUSE=True)

    def test_goes_to_the_user_once(self, user, rf, clock, mailoutbox):
        newest = reuse(user, rf, clock)
        assert refused(newest.refresh) == "session_revoked"
        assert only(mailoutbox).recipients() == [ADDRESS]

    def test_says_what_happened(self, user, rf, clock, mailoutbox):
        reuse(user, rf, clock, name="Ada's phone")
        message = only(mailoutbox)
        assert message.subject == "Your session on “Ada's phone” was ended"
        # Half past twelve, and three times eleven seconds.
        assert "was ended on Jan. 15, 2027, 12:30 p.m. UTC, because" in message.body
        assert f"(account {user.get_username()})" in message.body
        assert "- the one that presented the used token: curl/8.1, 198.51.100.7\n" in message.body
        assert "- the one that last renewed the session: Shop/1.2, 203.0.113.5\n" in message.body
        assert "Your other sessions were not touched." in message.body

    def test_calls_devices_by_their_names(self, user, rf, clock, mailoutbox, monkeypatch):
        pytest.importorskip("ua_parser")
        monkeypatch.undo()
        reuse(user, rf, clock)
        message = only(mailoutbox)
        assert message.subject == "Your session on “Shop” was ended"
        assert "- the one that presented the used token: curl, 198.51.100.7\n" in message.body
        assert "- the one that last renewed the session: Shop, 203.0.113.5\n" in message.body

    def test_says_when_all_sessions_were_ended(self, user, rf, clock, mailoutbox, options):
        options(POLICY=f"{__name__}.EverythingEnds")
        other = sign_in(user, rf)
        reuse(user, rf, clock)
        assert call(other) == "session_revoked"
        assert "All your other sessions were ended as well." in only(mailoutbox).body

    def test_knows_nothing_without_a_request(self, user, clock, mailoutbox):
        stolen = make_pair(user)
        refreshed_twice(stolen, clock)
        refused(stolen.refresh)
        message = only(mailoutbox)
        assert message.subject == "Your session on “unknown device” was ended"
        assert message.body.count("unknown client, unknown address\n") == 2

    def test_lets_the_session_say_why(self, user, rf, clock, mailoutbox, override):
        override("reuse_body.txt", "{{ session.reason }}")
        reuse(user, rf, clock)
        assert only(mailoutbox).body == "A used refresh token came back"

    def test_costs_no_query(self, user, rf, clock, mailoutbox, options):
        def queries():
            stolen = sign_in(user, rf)
            refreshed_twice(stolen, clock)
            with CaptureQueriesContext(connection) as captured:
                refused(stolen.refresh, request=come_from(rf, "curl/8.1"))
            return len(captured)

        on = queries()
        options(MAIL_ON_REUSE=False)
        assert on == queries()
        assert len(mailoutbox) == 1


class TestNewDevice:
    @pytest.fixture(autouse=True)
    def _on(self, options):
        options(MAIL_ON_NEW_DEVICE=True)

    def test_goes_to_the_user(self, user, rf, clock, mailoutbox):
        sign_in(user, rf)
        sign_in(user, rf, "curl/8.1")
        message = only(mailoutbox)
        assert message.recipients() == [ADDRESS]
        assert message.subject == "New sign-in from “curl/8.1”"
        assert f"your account {user.get_username()} on Jan. 15, 2027, 12:30 p.m. UTC" in (
            message.body
        )
        assert "“curl/8.1”, 203.0.113.5." in message.body

    def test_not_at_the_first_sign_in_of_all(self, user, rf, mailoutbox):
        sign_in(UserFactory(), rf, "curl/8.1")
        sign_in(user, rf)
        assert mailoutbox == []

    def test_not_from_a_device_that_was_here_before(self, user, rf, clock, mailoutbox):
        """Ended and expired sessions count: what matters is that the user knows the device."""
        revoke_session(sign_in(user, rf).session, reason="logout")
        sign_in(user, rf)
        clock.move(timedelta(days=30))
        sign_in(user, rf)
        assert mailoutbox == []

    def test_once_per_device(self, user, rf, mailoutbox):
        for user_agent in ("one", "two", "three", "two", "three"):
            sign_in(user, rf, user_agent)
        assert [message.subject for message in mailoutbox] == [
            "New sign-in from “two”",
            "New sign-in from “three”",
        ]

    def test_devices_of_others_are_not_known(self, user, rf, mailoutbox):
        sign_in(user, rf)
        sign_in(UserFactory(), rf, "curl/8.1")
        sign_in(user, rf, "curl/8.1")
        assert only(mailoutbox).recipients() == [ADDRESS]

    def test_who_does_not_say_what_they_are_is_never_known(self, user, rf, mailoutbox):
        for _ in range(3):
            sign_in(user, rf, "")
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
                sign_in(user, rf, user_agent)
            with CaptureQueriesContext(connection) as captured:
                sign_in(user, rf, last)
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
            sign_in(user, rf)
            with CaptureQueriesContext(connection) as captured:
                sign_in(user, rf, "curl/8.1")
            return len(captured)

        on = queries()
        options(MAIL_ON_NEW_DEVICE=False)
        assert on == queries()

    def test_waits_for_the_commit(self, transactional_db, rf, mailoutbox):
        user = with_address(ADDRESS)
        sign_in(user, rf)
        with transaction.atomic():
            sign_in(user, rf, "curl/8.1")
            assert mailoutbox == []
        assert len(mailoutbox) == 1

    def test_is_not_sent_when_the_sign_in_is_rolled_back(self, transactional_db, rf, mailoutbox):
        user = with_address(ADDRESS)
        sign_in(user, rf)
        with transaction.atomic():
            sign_in(user, rf, "curl/8.1")
            transaction.set_rollback(True)
        assert mailoutbox == []


@pytest.mark.usefixtures("both")
class TestEachMail:
    @pytest.fixture(params=["reuse", "new device"])
    def send(self, request, user, rf, clock):
        """Have one of the two mails sent, with a device name of the client's choice."""

        def send(name=""):
            if request.param == "reuse":
                return reuse(user, rf, clock, name=name)
            sign_in(user, rf)
            return sign_in(user, rf, "curl/8.1", name=name)

        return send

    def test_bears_no_secret(self, send, user, mailoutbox):
        pair = send()
        text = only(mailoutbox).message().as_string() + only(mailoutbox).body
        family = family_of(pair)
        for secret in (pair.access, pair.refresh, family.secret_digest, user.password):
            assert secret not in text
        for part in (*pair.access.split("."), *pair.refresh.split(".")):
            assert part not in text

    def test_bears_no_link(self, send, mailoutbox):
        """Whoever sends the request chooses the host that it is for."""
        send()
        assert "://" not in only(mailoutbox).message().as_string()
        assert "testserver" not in only(mailoutbox).body

    def test_templates_see_no_token_and_no_request(self, send):
        seen = []

        def look(context, **kwargs):
            seen.append(context.flatten())

        template_rendered.connect(look)
        try:
            send()
        finally:
            template_rendered.disconnect(look)
        assert seen
        known = {"user", "session", "device", "ip_address", "time"}
        reuse_knows = known | {"presented_by", "refreshed_by", "everywhere"}
        basics = {"True", "False", "None"}
        for context in seen:
            assert context.keys() - basics in (known, reuse_knows)

    def test_is_marked_as_automatic(self, send, mailoutbox):
        send()
        assert only(mailoutbox).message()["Auto-Submitted"] == "auto-generated"

    def test_comes_from_the_projects_address(self, send, mailoutbox, settings):
        settings.DEFAULT_FROM_EMAIL = "Shop <shop@example.org>"
        send()
        assert only(mailoutbox).from_email == "Shop <shop@example.org>"

    @pytest.mark.parametrize("between", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028", " \t "])
    def test_a_device_name_adds_no_header(self, send, mailoutbox, between):
        send(f"Phone{between}Bcc: thief@example.org")
        message = only(mailoutbox)
        assert "“Phone Bcc: thief@example.org”" in message.subject
        assert "“Phone Bcc: thief@example.org”" in message.body
        assert message.message()["Bcc"] is None
        assert message.recipients() == [ADDRESS]

    def test_a_device_name_does_not_write_the_mail(self, send, mailoutbox):
        send("Phone”\n\nDear customer,\n" + "click here " * 9)
        body = only(mailoutbox).body
        assert "\nDear" not in body
        assert body.count("click here") < 8

    def test_a_device_name_does_not_turn_the_text_round(self, send, mailoutbox):
        send("Phone\u202egnp.exe\x07")
        assert "“Phone gnp.exe”" in only(mailoutbox).subject

    def test_nothing_is_escaped(self, send, mailoutbox):
        send('Ada\'s <phone> & "co"')
        message = only(mailoutbox)
        assert '“Ada\'s <phone> & "co"”' in message.subject
        assert '“Ada\'s <phone> & "co"”' in message.body

    def test_ends_in_one_newline_and_has_no_gaps(self, send, mailoutbox):
        send()
        body = only(mailoutbox).body
        assert body.startswith("Hello,\n\n")
        assert body.endswith(".\n")
        assert not re.search(r"\n\n\n|\{\{|\{%| {2}", body)

    def test_tells_the_time_in_the_current_zone(self, send, mailoutbox):
        with timezone.override("America/New_York"):
            send()
        assert "Jan. 15, 2027, 7:30 a.m. EST" in only(mailoutbox).body

    def test_speaks_the_projects_language_not_the_requests(self, send, mailoutbox, override):
        text = "{% load i18n %}{% get_current_language as now %}{{ now }} {{ time|date:'F' }}"
        override("reuse_body.txt", text)
        override("new_device_body.txt", text)
        with translation.override("de"):
            send()
            assert translation.get_language() == "de"
        assert only(mailoutbox).body == "en January"

    def test_can_be_overridden(self, send, mailoutbox, override):
        for name in ("reuse", "new_device"):
            override(f"{name}_subject.txt", "About {{ device }}\n of {{ user.pk }}\n")
        send("Tablet")
        message = only(mailoutbox)
        assert re.fullmatch(r"About Tablet of \S+", message.subject)
        assert message.body.startswith("Hello,")
        assert message.alternatives == []

    def test_may_have_another_form_in_html(self, send, mailoutbox, override):
        for name in ("reuse", "new_device"):
            override(f"{name}_body.html", "<p>{{ device }}</p>")
        send("<b>Tablet</b>")
        message = only(mailoutbox)
        ((content, kind),) = [tuple(alternative) for alternative in message.alternatives]
        assert (content, kind) == ("<p>&lt;b&gt;Tablet&lt;/b&gt;</p>", "text/html")
        assert "“<b>Tablet</b>”" in message.body

    def test_needs_an_address(self, send, user, mailoutbox):
        setattr(user, user.get_email_field_name(), "")
        user.save()
        send()
        assert mailoutbox == []

    def test_that_cannot_be_sent_harms_nobody(self, send, mailoutbox, monkeypatch, caplog):
        def fail(self, messages):
            raise ConnectionRefusedError("no server")

        monkeypatch.setattr(EmailBackend, "send_messages", fail)
        pair = send()
        assert call(pair) == ("session_revoked" if session_of(pair).revoked_at else "ok")
        (logged,) = [record for record in caplog.records if record.name == "django.dispatch"]
        assert "no server" in logged.getMessage()
        assert "mail_on_" in logged.getMessage()
        assert mail.outbox == []

    def test_whose_template_is_broken_harms_nobody(self, send, mailoutbox, override, caplog):
        for name in ("reuse", "new_device"):
            override(f"{name}_body.txt", "{% nonsense %}")
        pair = send()
        assert call(pair) == ("session_revoked" if session_of(pair).revoked_at else "ok")
        assert "nonsense" in caplog.text
        assert mailoutbox == []

    def test_is_sent_once_however_often_we_connect(self, send, mailoutbox):
        notifications.connect()
        send()
        assert len(mailoutbox) == 1


def test_a_user_model_without_an_address_gets_no_mail(user, rf, mailoutbox, both, monkeypatch):
    monkeypatch.setattr(type(user), "get_email_field_name", lambda: "no_such_field")
    sign_in(user, rf)
    sign_in(user, rf, "curl/8.1")
    assert mailoutbox == []


class TestCheck:
    def sender_warnings(self):
        found = [message for message in check_deployment(None) if "DEFAULT_FROM" in message.msg]
        return [str(message.id) for message in found]

    @pytest.mark.parametrize("key", ["MAIL_ON_REUSE", "MAIL_ON_NEW_DEVICE"])
    def test_asks_for_a_sender(self, options, settings, key):
        assert self.sender_warnings() == []
        options(**{key: True})
        assert self.sender_warnings() == ["refresh_sessions.W017"]
        settings.DEFAULT_FROM_EMAIL = "shop@example.org"
        assert self.sender_warnings() == []
