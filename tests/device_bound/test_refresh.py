"""``device/refresh/``: a browser renews its bound cookie with a signature of a challenge."""

from datetime import timedelta

import pytest
from django.db import OperationalError

from refresh_sessions.models import DeviceSession, EventKind, SessionEvent, TokenFamily
from refresh_sessions.sessions import device_binding, refresh_session, revoke_session
from refresh_sessions.tokens import bound_cookies
from tests.api.client import problem
from tests.device_bound.browser import (
    BOUND_COOKIE,
    REFRESH_COOKIE,
    Browser,
    has_cookie,
    is_deleted,
    read_challenge,
)
from tests.factories import make_pair

pytestmark = pytest.mark.django_db

CHALLENGE = (403, "device_challenge_required")


class TestRenewal:
    @pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
    def test_renewal_gives_new_bound_cookie(self, credentials, algorithm, clock):
        browser = Browser(algorithm)
        browser.log_in(credentials)
        browser.register()
        before = browser.cookies[BOUND_COOKIE].value
        clock.move(timedelta(minutes=9))
        answer = browser.renew()
        assert answer.status_code == 200
        assert answer.cookies[BOUND_COOKIE].value != before
        assert answer.json()["session_identifier"] == browser.session_id
        clock.move(timedelta(minutes=9))
        assert browser.post("refresh/").status_code == 200

    def test_answer_to_older_recent_challenge_is_accepted(self, bound, clock):
        first = read_challenge(bound.send_refresh())
        clock.move(timedelta(minutes=4))
        second = read_challenge(bound.send_refresh())
        for challenge in (second, first, first):
            proof = bound.make_proof(challenge, with_key=False)
            assert bound.send_refresh(proof).status_code == 200

    def test_answer_to_challenge_of_five_minutes_ago_gets_new_challenge(self, bound, clock):
        challenge = read_challenge(bound.send_refresh())
        clock.move(timedelta(minutes=5, seconds=1))
        answer = bound.send_refresh(bound.make_proof(challenge, with_key=False))
        assert problem(answer) == CHALLENGE
        assert read_challenge(answer) != challenge
        assert not SessionEvent.objects.filter(kind=EventKind.BOUND_TOKEN_MISUSED).exists()
        assert bound.renew().status_code == 200

    def test_renewal_after_days_of_absence_goes_on(self, bound, clock):
        clock.move(timedelta(days=5))
        assert bound.renew().status_code == 200
        assert bound.post("refresh/").status_code == 200

    def test_renewal_without_refresh_cookie_goes_on(self, bound):
        del bound.cookies[REFRESH_COOKIE]
        assert bound.renew().status_code == 200

    def test_renewal_goes_on_after_setting_is_turned_off(self, bound, options):
        options(DEVICE_BOUND_SESSIONS=False)
        assert bound.renew().status_code == 200
        assert bound.post("refresh/").status_code == 200

    def test_renewal_writes_nothing(self, bound, django_assert_num_queries):
        rows = list(TokenFamily.objects.values()), list(DeviceSession.objects.values())
        with django_assert_num_queries(0):
            challenge = read_challenge(bound.send_refresh())
        with django_assert_num_queries(1):
            proof = bound.make_proof(challenge, with_key=False)
            assert bound.send_refresh(proof).status_code == 200
        assert (list(TokenFamily.objects.values()), list(DeviceSession.objects.values())) == rows

    def test_renewal_forbids_embedding(self, bound):
        for answer in (bound.send_refresh(), bound.renew()):
            assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
            assert answer["X-Frame-Options"] == "DENY"

    def test_skipped_header_changes_nothing(self, bound):
        value = f'quota_exceeded;session_identifier="{bound.session_id}"'
        headers = {"Secure-Session-Skipped": value}
        del bound.cookies[BOUND_COOKIE]
        answer = bound.post("refresh/", headers=headers)
        assert problem(answer) == (401, "device_proof_required")


class TestEnd:
    """The browser forgets the key: ``{"continue": false}``."""

    @pytest.fixture
    def ends(self, bound):
        def check():
            answer = bound.renew()
            assert (answer.status_code, answer.json()) == (200, {"continue": False})
            assert not has_cookie(answer)

        return check

    def test_revoked_session_ends_in_browser(self, bound, ends):
        revoke_session(DeviceSession.objects.get(), reason="admin")
        ends()

    def test_logout_ends_session_in_browser(self, bound, ends):
        answer = bound.post("logout/")
        assert answer.status_code == 204
        assert is_deleted(answer)
        assert is_deleted(answer, REFRESH_COOKIE)
        ends()

    def test_expired_session_ends_in_browser(self, bound, ends, clock):
        clock.move(timedelta(days=7))
        ends()

    def test_idle_session_ends_in_browser(self, bound, ends, clock, options):
        options(REFRESH_TOKEN_LIFETIME=timedelta(hours=1), SESSION_LIFETIME=timedelta(days=7))
        bound.post("refresh/")
        clock.move(timedelta(hours=1))
        ends()

    def test_deleted_session_ends_in_browser(self, bound, ends):
        DeviceSession.objects.all().delete()
        ends()

    def test_unbound_session_ends_in_browser(self, bound, ends):
        """The database has lost its last writes, among them the registration."""
        TokenFamily.objects.update(binding="", key_thumbprint="", public_key="")
        ends()

    def test_session_of_replaced_refresh_cookie_ends_in_browser(self, bound, ends, user):
        """Otherwise its bound cookie would replace that of the new session."""
        bound.cookies[REFRESH_COOKIE] = make_pair(user).refresh
        ends()


class TestRefusals:
    def test_wrong_key_raises_alarm_once_and_session_lives(self, bound):
        attacker = bound.copy_cookies(REFRESH_COOKIE)
        attacker.session_id = bound.session_id
        for _ in range(3):
            answer = attacker.renew()
            assert problem(answer) == (403, "invalid_device_proof/proof_malformed")
            assert not has_cookie(answer)
            assert "Secure-Session-Challenge" in answer
        assert SessionEvent.objects.filter(kind=EventKind.BOUND_TOKEN_MISUSED).count() == 1
        assert bound.renew().status_code == 200
        assert bound.post("refresh/").status_code == 200

    def test_wrong_key_without_refresh_cookie_raises_no_alarm(self, bound):
        """The id of a family is no secret."""
        stranger = Browser(which=1)
        stranger.session_id = bound.session_id
        assert stranger.renew().status_code == 403
        assert not SessionEvent.objects.filter(kind=EventKind.BOUND_TOKEN_MISUSED).exists()

    @pytest.mark.parametrize(
        "session_id", [None, "", '""', "x", "*", '"x', "'", '"a","b"', "A" * 36, "\N{BULLET}"]
    )
    def test_request_without_valid_session_id_is_refused(self, bound, session_id):
        headers = {} if session_id is None else {"Sec-Secure-Session-Id": session_id}
        answer = bound.post("device/refresh/", headers=headers)
        assert problem(answer) == (403, "invalid_device_proof/proof_missing")
        assert "Secure-Session-Challenge" not in answer

    def test_unknown_session_gets_challenge_without_query(self, bound, django_assert_num_queries):
        with django_assert_num_queries(0):
            answer = bound.send_refresh(session_id="7e57ab1e-0000-4000-8000-000000000000")
        assert problem(answer) == CHALLENGE

    def test_challenge_of_another_session_is_refused(self, bound, credentials):
        other = Browser(which=1)
        other.log_in(credentials)
        other.register()
        challenge = read_challenge(other.send_refresh())
        answer = bound.send_refresh(bound.make_proof(challenge, with_key=False))
        assert problem(answer) == CHALLENGE

    def test_registration_challenge_is_no_refresh_challenge(self, bound):
        answer = bound.send_refresh(bound.make_proof(bound.challenge))
        assert problem(answer) == CHALLENGE

    def test_cross_site_request_is_refused(self, bound):
        headers = {
            "Sec-Secure-Session-Id": f'"{bound.session_id}"',
            "Origin": "https://attacker.example",
        }
        assert problem(bound.post("device/refresh/", headers=headers)) == (403, "csrf_failed")

    def test_endpoint_without_feature_is_not_found(self, bound, options):
        options(DEVICE_BOUND_SESSIONS=False)
        assert problem(bound.post("device/refresh/")) == (404, "not_found")

    def test_busy_database_is_unavailable(self, bound, monkeypatch):
        """After another status of 4xx the browser would forget its key."""

        def fail(*args):
            raise OperationalError("database is locked")

        monkeypatch.setattr(device_binding, "find_family", fail)
        monkeypatch.setattr("refresh_sessions.database._back_off", lambda number: None)
        monkeypatch.setattr("refresh_sessions.database.is_transient", lambda error: True)
        assert bound.renew().status_code == 503


class TestBoundCookie:
    def test_bound_cookie_is_no_token_and_no_token_is_a_bound_cookie(self, bound, user):
        value, access = bound.cookies[BOUND_COOKIE].value, bound.access
        refresh = bound.cookies[REFRESH_COOKIE].value
        bound.cookies[REFRESH_COOKIE] = value
        assert problem(bound.post("refresh/")) == (401, "token_not_valid")
        assert bound.http.get("sessions/", access=value, secure=True).status_code == 401
        bound.cookies[REFRESH_COOKIE] = refresh
        for token in (access, refresh, "", "x", "a.b.c"):
            bound.cookies[BOUND_COOKIE] = token
            assert problem(bound.post("refresh/")) == (401, "device_proof_required")

    def test_bound_cookie_expires_at_leeway_after_lifetime(self, bound, clock):
        clock.move(timedelta(minutes=10, seconds=4))
        assert bound.post("refresh/").status_code == 200
        clock.move(timedelta(seconds=2))
        assert problem(bound.post("refresh/")) == (401, "device_proof_required")

    def test_bound_cookie_survives_rotation_of_secret_key(self, bound, settings):
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "x" * 60, [settings.SECRET_KEY]
        assert bound.post("refresh/").status_code == 200

    def test_bound_cookie_of_another_issuer_is_refused(self, bound, options):
        family = TokenFamily.objects.get()
        options(ISSUER="elsewhere")
        foreign = bound_cookies.issue(family_id=family.pk, key_thumbprint=family.key_thumbprint)
        options(ISSUER="refresh_sessions")
        bound.cookies[BOUND_COOKIE] = foreign
        assert problem(bound.post("refresh/")) == (401, "device_proof_required")

    def test_token_in_another_transport_needs_bound_cookie(self, bound):
        """A refresh token that was read out of the cookie store."""
        from refresh_sessions.exceptions import DeviceProofRequiredError  # noqa: PLC0415

        with pytest.raises(DeviceProofRequiredError):
            refresh_session(bound.cookies[REFRESH_COOKIE].value)
