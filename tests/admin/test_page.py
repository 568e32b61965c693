import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from refresh_sessions.admin import revoke
from refresh_sessions.models import DeviceSession, RevokedReason, SessionEvent, TokenFamily
from refresh_sessions.sessions import refresh_session, revoke_session
from tests.admin.pages import messages_of

SCRIPT = '<script>alert("x")</script>'
ESCAPED = "&lt;script&gt;alert("


class TestContent:
    def test_session_page_shows_all_fields(self, pages, make_session):
        agent = f"Tablet/1.0 {'x' * 300} end of the user agent"
        session = make_session(name="Kitchen tablet", ip_address="192.0.2.7", user_agent=agent)
        page = pages.open(session).text
        for text in ("Kitchen tablet", agent, "192.0.2.7", str(session.pk), "Live"):
            assert text in page
        assert "Revoked by" not in page

    def test_session_page_times_use_admin_format(self, pages, make_session, settings):
        settings.USE_THOUSAND_SEPARATOR = False
        session = make_session()
        moment = timezone.now().replace(2031, 3, 7, 15, 45)
        TokenFamily.objects.filter(session=session).update(rotated_at=moment)
        page = pages.open(session).text
        assert ">March 7, 2031, 3:45 p.m.</time>" in page

    def test_session_page_revoked_session_shows_reason_with_actor(
        self, pages, revoker, make_session
    ):
        session = make_session()
        revoke_session(session, reason=RevokedReason.ADMIN, by=revoker)
        page = pages.open(session).text
        assert "Revoked by staff" in page
        assert "Revoked by" in page
        assert str(revoker) in page

    def test_session_page_lists_families(self, pages, pair):
        refresh_session(pair.refresh)
        TokenFamily.objects.update(last_ip_address="192.0.2.99")
        page = pages.open(pair.session).text
        assert '<td class="field-generation">' in page
        assert "192.0.2.99" in page

    def test_session_page_missing_session_redirects(self, pages, make_session):
        session = make_session()
        DeviceSession.objects.all().delete()
        assert pages.open(session).status_code == 302
        assert pages.open(session, "revoke").status_code == 404

    def test_admin_pages_have_no_inline_script_or_style(self, pages, make_session):
        session = make_session()
        log_out = pages.client.get(pages.sign_out_url(session.user))
        for response in (
            pages.list(),
            pages.open(session),
            pages.open(session, "revoke"),
            log_out,
        ):
            assert response.status_code == 200
            assert "<style" not in response.text
            assert " style=" not in response.text
            assert "refresh_sessions/admin/base.css" in response.text


class TestSecrets:
    def pages_of(self, pages, session):
        yield pages.list()
        yield pages.open(session)
        yield pages.open(session, "revoke")
        yield pages.open(session, "history")
        yield pages.act("revoke_selected", [session])
        yield pages.act("sign_out_everywhere", [session])

    def test_admin_pages_show_no_digest_or_token(self, pages_of, superuser, pair):
        pages = pages_of(superuser)
        family = TokenFamily.objects.get()
        secrets = (pair.access, pair.refresh, family.secret_digest, pair.session.auth_hash)
        for response in self.pages_of(pages, pair.session):
            assert response.status_code == 200
            for secret in (*secrets, "secret_digest", "auth_hash", superuser.password):
                assert secret not in response.text

    @pytest.mark.parametrize("name", [SCRIPT, ""])
    def test_admin_pages_text_of_device_is_escaped(self, pages, make_session, name):
        session = make_session(name=name, user_agent=f"Agent {SCRIPT}")
        SessionEvent.objects.create(
            session=session,
            kind="reuse_detected",
            created_at=timezone.now(),
            details={"user_agent": SCRIPT, SCRIPT: SCRIPT},
        )
        for response in self.pages_of(pages, session):
            assert SCRIPT not in response.text
            assert ESCAPED in response.text
        response = pages.confirm(pages.open(session, "revoke"))
        assert SCRIPT not in pages.client.get(response.url).text


class TestButton:
    def test_revoke_button_opens_confirmation(self, pages, make_session):
        session = make_session(name="Kitchen tablet")
        assert pages.url("revoke", session) in pages.open(session).text
        question = pages.open(session, "revoke")
        assert "Are you sure you want to revoke this session?" in question.text
        assert "Kitchen tablet" in question.text
        assert DeviceSession.objects.active().exists()

    def test_revoke_button_confirmed_revokes_session(self, pages, revoker, make_session):
        session, spared = make_session(), make_session()
        response = pages.confirm(pages.open(session, "revoke"))
        assert messages_of(response) == ["1 session was revoked."]
        assert response.url == pages.url("change", session)
        session.refresh_from_db()
        assert (session.revoked_reason, session.revoked_by) == ("admin", revoker)
        assert DeviceSession.objects.active().get() == spared

    def test_revoke_button_confirmed_adds_log_entry(self, pages, revoker, make_session):
        session = make_session()
        pages.confirm(pages.open(session, "revoke"))
        entry = LogEntry.objects.get()
        assert (entry.user, entry.object_id) == (revoker, str(session.pk))
        assert "Revoked." in pages.open(session, "history").text

    def test_revoke_button_confirmed_access_token_is_refused(self, pages, client, pair, bearer):
        pages.confirm(pages.open(pair.session, "revoke"))
        response = client.get(reverse("refresh_sessions:session-list"), headers=bearer(pair))
        assert response.status_code == 401

    def test_revoke_page_without_csrf_token_is_refused(self, pages, revoker, make_session):
        session = make_session()
        client = Client(enforce_csrf_checks=True)
        client.force_login(revoker)
        response = client.post(pages.url("revoke", session), {"post": "yes"})
        assert response.status_code == 403
        assert DeviceSession.objects.active().exists()

    @pytest.mark.parametrize("status", ["expired", "revoked"])
    def test_revoke_button_ended_session_is_absent(self, pages, make_session, status):
        session = make_session(status=status)
        assert "/revoke/" not in pages.open(session).text
        for response in (
            pages.open(session, "revoke"),
            pages.client.post(pages.url("revoke", session), {"post": "yes"}),
        ):
            assert response.url == pages.url("change", session)
            text = "There was no live session to revoke."
            assert messages_of(response)[-1] == text
        assert LogEntry.objects.count() == 0
        assert DeviceSession.objects.get().revoked_reason in {"", "logout"}

    def test_revoke_button_session_revoked_meanwhile_logs_nothing(
        self, pages, make_session, monkeypatch
    ):
        session = make_session()
        question = pages.open(session, "revoke")

        def revoke_second(session, **kwargs):
            revoke_session(session, reason=RevokedReason.LOGOUT)
            return revoke_session(session, **kwargs)

        monkeypatch.setattr(revoke, "revoke_session", revoke_second)
        response = pages.confirm(question)
        assert messages_of(response) == ["There was no live session to revoke."]
        assert DeviceSession.objects.get().revoked_reason == "logout"
        assert LogEntry.objects.count() == 0

    def test_revoke_button_keeps_list_filters(self, pages, make_session):
        session = make_session()
        kept = "?_changelist_filters=status%3Dlive"
        page = pages.client.get(pages.url("change", session) + kept)
        assert f'href="{pages.url("revoke", session)}{kept}"' in page.text
        question = pages.client.get(pages.url("revoke", session) + kept)
        assert pages.confirm(question).url == pages.url("change", session) + kept
