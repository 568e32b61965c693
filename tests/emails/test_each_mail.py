"""Common rules of the mails, in particular their secrets and links."""

import re

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test.signals import template_rendered
from django.utils import timezone, translation

from refresh_sessions import emails
from refresh_sessions.checks import check_deployment
from tests.domain.client_actions import call, family_of, session_of
from tests.emails.builders import ADDRESS, log_in, log_in_with_key, only, present_copy, reuse

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("both")
class TestEachMail:
    @pytest.fixture(params=["reuse", "misuse", "new device"])
    def send(self, request, user, rf, clock):
        """Send one of the mails, with a device name from the client."""
        if request.param == "misuse":
            pytest.importorskip("cryptography")

        def send(name="", agent=None):
            more = {} if agent is None else {"user_agent": agent}
            if request.param == "reuse":
                return reuse(user, rf, clock, name=name, **more)
            if request.param == "misuse":
                pair = log_in_with_key(user, rf, name=name, **more)
                present_copy(pair, rf)
                return pair
            log_in(user, rf)
            return log_in(user, rf, agent or "curl/8.1", name=name)

        return send

    def test_mail_contains_no_secret(self, send, user, mailoutbox):
        pair = send()
        text = only(mailoutbox).message().as_string() + only(mailoutbox).body
        family = family_of(pair)
        for secret in (pair.access, pair.refresh, family.secret_digest, user.password):
            assert secret not in text
        for part in (*pair.access.split("."), *pair.refresh.split(".")):
            assert part not in text

    def test_mail_contains_no_link(self, send, mailoutbox):
        """The attacker can choose the host of a request."""
        send()
        assert "://" not in only(mailoutbox).message().as_string()
        assert "testserver" not in only(mailoutbox).body

    def test_mail_template_context_has_no_token_or_request(self, send):
        seen = []

        def look(context, **kwargs):
            seen.append(context.flatten())

        template_rendered.connect(look)
        try:
            send()
        finally:
            template_rendered.disconnect(look)
        assert seen
        known = {"user", "username", "session", "device", "ip_address", "time"}
        misuse_knows = known | {"presented_by", "refreshed_by"}
        reuse_knows = misuse_knows | {"after_end", "everywhere"}
        basics = {"True", "False", "None"}
        for context in seen:
            assert context.keys() - basics in (known, misuse_knows, reuse_knows)

    def test_mail_is_marked_as_auto_generated(self, send, mailoutbox):
        send()
        assert only(mailoutbox).message()["Auto-Submitted"] == "auto-generated"

    def test_mail_sender_is_default_from_email(self, send, mailoutbox, settings):
        settings.DEFAULT_FROM_EMAIL = "Shop <shop@example.org>"
        send()
        assert only(mailoutbox).from_email == "Shop <shop@example.org>"

    @pytest.mark.parametrize("between", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028", " \t "])
    def test_device_name_adds_no_mail_header(self, send, mailoutbox, between):
        send(f"Phone{between}Bcc: attacker@example.org")
        message = only(mailoutbox)
        assert "“Phone Bcc: attacker@ example. org”" in message.subject
        assert "“Phone Bcc: attacker@ example. org”" in message.body
        assert message.message()["Bcc"] is None
        assert message.recipients() == [ADDRESS]

    def test_device_name_adds_no_mail_paragraph(self, send, mailoutbox):
        send("Phone”\n\nDear customer,\n" + "click here " * 9)
        body = only(mailoutbox).body
        assert "\nDear" not in body
        assert body.count("click here") < 8

    def test_device_name_does_not_reverse_mail_text(self, send, mailoutbox):
        send("Phone\u202egnp.exe\x07")
        assert "“Phone gnp. exe”" in only(mailoutbox).subject

    @pytest.mark.parametrize("where", ["name", "user agent", "username"])
    def test_attacker_text_adds_no_link_or_line_to_mail(
        self, send, user, mailoutbox, override, where
    ):
        text = "Pay\n\nhttps://evil.example/x ada@evil.example %65vil%2Eexample"
        for name in ("reuse", "misuse", "new_device"):
            override(
                f"{name}_subject.txt",
                "{{ session.name }} {{ session.user_agent }} {{ session }} {{ username }}",
            )
        if where == "username":
            if user.get_email_field_name() == user.USERNAME_FIELD:
                pytest.skip("the user name is the address of the mail")
            type(user)._base_manager.filter(pk=user.pk).update(**{user.USERNAME_FIELD: text})
            user.refresh_from_db()
            send()
        else:
            send(**{"name" if where == "name" else "agent": text})
        message = only(mailoutbox)
        for shown in (message.subject, message.body):
            assert "Pay" in shown
            assert "evil.example" not in shown
            assert "https:/" not in shown
            assert "@evil" not in shown
            assert "\nhttps" not in shown

    def test_username_equal_to_mail_address_is_unchanged(self, send, mailoutbox):
        send()
        assert ADDRESS in only(mailoutbox).body

    def test_plain_mail_is_not_html_escaped(self, send, mailoutbox):
        send('Ada\'s <phone> & "co"')
        message = only(mailoutbox)
        assert '“Ada\'s <phone> & "co"”' in message.subject
        assert '“Ada\'s <phone> & "co"”' in message.body

    def test_mail_body_has_no_gaps(self, send, mailoutbox):
        send()
        body = only(mailoutbox).body
        assert body.startswith("Hello,\n\n")
        assert body.endswith(".\n")
        assert not re.search(r"\n\n\n|\{\{|\{%| {2}", body)

    def test_mail_time_is_in_the_current_zone(self, send, mailoutbox):
        with timezone.override("America/New_York"):
            send()
        assert "Jan. 15, 2027, 7:30 a.m. EST" in only(mailoutbox).body

    def test_mail_is_in_the_language_of_the_project(self, send, mailoutbox, override):
        text = "{% load i18n %}{% get_current_language as now %}{{ now }} {{ time|date:'F' }}"
        override("reuse_body.txt", text)
        override("misuse_body.txt", text)
        override("new_device_body.txt", text)
        with translation.override("de"):
            send()
            assert translation.get_language() == "de"
        assert only(mailoutbox).body == "en January"

    def test_mail_template_can_be_overridden(self, send, mailoutbox, override):
        for name in ("reuse", "misuse", "new_device"):
            override(f"{name}_subject.txt", "About {{ device }}\n of {{ user.pk }}\n")
        send("Tablet")
        message = only(mailoutbox)
        assert re.fullmatch(r"About Tablet of \S+", message.subject)
        assert message.body.startswith("Hello,")
        assert message.alternatives == []

    def test_mail_with_html_template_has_alternative(self, send, mailoutbox, override):
        for name in ("reuse", "misuse", "new_device"):
            override(f"{name}_body.html", "<p>{{ device }}</p>")
        send("<b>Tablet</b>")
        message = only(mailoutbox)
        ((content, kind),) = [tuple(alternative) for alternative in message.alternatives]
        assert (content, kind) == ("<p>&lt;b&gt;Tablet&lt;/b&gt;</p>", "text/html")
        assert "“<b>Tablet</b>”" in message.body

    def test_user_without_address_gets_no_mail(self, send, user, mailoutbox):
        setattr(user, user.get_email_field_name(), "")
        user.save()
        send()
        assert mailoutbox == []

    def test_failing_mail_server_fails_no_request(self, send, mailoutbox, monkeypatch, caplog):
        def fail(self, messages):
            raise ConnectionRefusedError("no server")

        monkeypatch.setattr(EmailBackend, "send_messages", fail)
        pair = send()
        assert call(pair) == ("session_revoked" if session_of(pair).revoked_at else "ok")
        (logged,) = [record for record in caplog.records if record.name == "django.dispatch"]
        assert "no server" in logged.getMessage()
        assert "mail_on_" in logged.getMessage()
        assert mail.outbox == []

    def test_broken_mail_template_fails_no_request(self, send, mailoutbox, override, caplog):
        for name in ("reuse", "misuse", "new_device"):
            override(f"{name}_body.txt", "{% nonsense %}")
        pair = send()
        assert call(pair) == ("session_revoked" if session_of(pair).revoked_at else "ok")
        assert "nonsense" in caplog.text
        assert mailoutbox == []

    def test_mail_is_sent_once_after_second_connect(self, send, mailoutbox):
        emails.connect()
        send()
        assert len(mailoutbox) == 1


def test_user_model_without_email_field_gets_no_mail(user, rf, mailoutbox, both, monkeypatch):
    monkeypatch.setattr(type(user), "get_email_field_name", lambda: "no_such_field")
    log_in(user, rf)
    log_in(user, rf, "curl/8.1")
    assert mailoutbox == []


class TestCheck:
    def sender_warnings(self):
        found = [message for message in check_deployment(None) if "DEFAULT_FROM" in message.msg]
        return [str(message.id) for message in found]

    @pytest.mark.parametrize("key", ["MAIL_ON_REUSE", "MAIL_ON_NEW_DEVICE"])
    def test_mail_setting_without_sender_is_warned_about(self, options, settings, key):
        assert self.sender_warnings() == []
        options(**{key: True})
        assert self.sender_warnings() == ["refresh_sessions.W017"]
        settings.DEFAULT_FROM_EMAIL = "shop@example.org"
        assert self.sender_warnings() == []
