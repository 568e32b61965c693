"""What a bound session refuses without a live bound cookie, and what it does not."""

from datetime import timedelta

import pytest
from django.test import RequestFactory

from refresh_sessions.exceptions import DeviceProofRequiredError
from refresh_sessions.models import DeviceSession, EventKind, SessionEvent, TokenFamily
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.sessions import change_password, check_access_token, refresh_session
from tests.api.client import problem
from tests.device_bound.browser import (
    BOUND_COOKIE,
    REFRESH_COOKIE,
    Browser,
    is_deleted,
)
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

REQUIRED = (401, "device_proof_required")


class Strict(SessionPolicy):
    """A policy that requires bound sessions."""

    def require_binding(self, user, *, request):
        return True


def rows():
    families = TokenFamily.objects.order_by("pk").values()
    return list(families), list(DeviceSession.objects.order_by("pk").values())


@pytest.fixture
def late(bound, clock):
    """A browser whose bound cookie has expired."""
    clock.move(timedelta(minutes=11))
    del bound.cookies[BOUND_COOKIE]
    return bound


@pytest.fixture
def copied(bound, clock):
    """Another browser with a copy of the refresh cookie."""
    return bound.copy_cookies(REFRESH_COOKIE)


class TestMissingCookie:
    @pytest.mark.parametrize("path", ["refresh/", "refresh-token/", "logout/"])
    def test_request_is_refused_and_changes_nothing(self, bound, copied, path):
        before = rows()
        for _ in range(3):
            answer = copied.post(path)
            assert problem(answer) == REQUIRED
            assert answer.cookies == {}
        assert rows() == before
        assert not SessionEvent.objects.filter(kind=EventKind.BOUND_TOKEN_MISUSED).exists()
        assert bound.post("refresh/").status_code == 200

    def test_reauthentication_is_refused_and_changes_nothing(self, bound):
        cookie = bound.cookies.pop(BOUND_COOKIE)
        before = rows()
        body = {"password": PASSWORD}
        assert problem(bound.post("reauthenticate/", body, access=bound.access)) == REQUIRED
        assert rows() == before
        bound.cookies[BOUND_COOKIE] = cookie.value
        assert bound.post("reauthenticate/", body, access=bound.access).status_code == 200

    def test_password_change_is_refused_and_changes_nothing(self, bound, user):
        grant = check_access_token(bound.access)
        before = rows()
        with pytest.raises(DeviceProofRequiredError):
            change_password(grant, "another password", request=RequestFactory().post("/"))
        assert rows() == before
        user.refresh_from_db()
        assert user.check_password(PASSWORD)
        request = RequestFactory().post("/", secure=True)
        request.COOKIES[BOUND_COOKIE] = bound.cookies[BOUND_COOKIE].value
        assert change_password(grant, "another password", request=request).refresh

    def test_token_without_request_is_refused(self, bound):
        with pytest.raises(DeviceProofRequiredError):
            refresh_session(bound.cookies[REFRESH_COOKIE].value)

    def test_logout_by_access_token_is_possible(self, bound):
        stranger = Browser()
        assert stranger.post("logout/", access=bound.access).status_code == 204
        assert DeviceSession.objects.active().count() == 0

    def test_access_token_needs_no_cookie(self, bound):
        assert Browser().http.get("sessions/", access=bound.access, secure=True).status_code == 200

    def test_late_browser_goes_on_after_renewal(self, late):
        assert problem(late.post("refresh/")) == REQUIRED
        assert late.renew().status_code == 200
        assert late.post("refresh/").status_code == 200

    def test_login_keeps_session_of_copied_cookie(self, bound, copied, credentials):
        """Otherwise a copy could end the session."""
        copied.log_in(credentials)
        assert bound.post("refresh/").status_code == 200

    def test_login_with_bound_cookie_revokes_replaced_session(self, bound, credentials):
        bound.log_in(credentials)
        assert DeviceSession.objects.active().count() == 1

    def test_login_with_expired_bound_cookie_ends_old_session_in_browser_alone(
        self, late, credentials
    ):
        session_id = late.session_id
        late.log_in(credentials)
        late.register(which=2)
        late.session_id = session_id
        assert late.renew().json() == {"continue": False}
        assert late.post("refresh/").status_code == 200


class TestForeignCookie:
    def test_bound_cookie_of_another_session_is_misuse(self, bound, credentials):
        """A stolen refresh cookie beside the attacker's own bound cookie."""
        attacker = Browser(which=1)
        attacker.log_in(credentials)
        attacker.register()
        attacker.cookies[REFRESH_COOKIE] = bound.cookies[REFRESH_COOKIE].value
        for _ in range(2):
            answer = attacker.post("refresh/")
            assert problem(answer) == REQUIRED
        (event,) = SessionEvent.objects.filter(kind=EventKind.BOUND_TOKEN_MISUSED)
        assert event.details["family"] == bound.session_id
        assert DeviceSession.objects.active().count() == 2
        assert bound.post("refresh/").status_code == 200

    def test_bound_cookie_of_another_session_is_deleted(self, bound, credentials):
        """The browser renews a missing cookie, but keeps one of another session."""
        other = Browser(which=1)
        other.log_in(credentials)
        other.register()
        bound.cookies[BOUND_COOKIE] = other.cookies[BOUND_COOKIE].value
        answer = bound.post("refresh/")
        assert is_deleted(answer)
        assert REFRESH_COOKIE not in answer.cookies


class TestRequiredBinding:
    """``SessionPolicy.require_binding`` for browsers."""

    @pytest.fixture(autouse=True)
    def _strict(self, options):
        options(POLICY=f"{__name__}.Strict")

    def test_browser_registers_after_login(self, bound, clock):
        clock.move(timedelta(minutes=6))
        assert bound.post("refresh/").status_code == 200

    def test_unbound_session_is_refused_after_five_minutes(self, browser, clock):
        clock.move(timedelta(minutes=4))
        assert browser.post("refresh/").status_code == 200
        clock.move(timedelta(minutes=2))
        assert problem(browser.post("refresh/")) == (403, "binding_required")
        assert DeviceSession.objects.active().count() == 1

    def test_reauthentication_allows_another_registration(self, browser, clock):
        clock.move(timedelta(minutes=6))
        answer = browser.post("reauthenticate/", {"password": PASSWORD}, access=browser.access)
        assert answer.status_code == 200
        assert browser.post("refresh/").status_code == 200
        assert browser.register().status_code == 200
        clock.move(timedelta(minutes=6))
        assert browser.post("refresh/").status_code == 200

    @pytest.mark.parametrize(
        "changed", [{"DEVICE_BOUND_SESSIONS": False}, {"TRANSPORT": "body"}], ids=repr
    )
    def test_login_without_feature_is_refused(self, credentials, options, changed):
        options(**changed)
        assert problem(Browser().post("login/", credentials)) == (403, "binding_required")

    def test_cookie_of_unbound_session_is_refused_as_token_in_body(self, browser, options):
        token = browser.cookies[REFRESH_COOKIE].value
        options(TRANSPORT="body")
        answer = Browser().post("refresh/", {"refresh": token})
        assert problem(answer) == (403, "binding_required")
