"""``SessionPolicy.require_binding`` and the permission ``RequireBinding``."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from refresh_sessions.exceptions import BindingRequiredError
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.rest_framework.authentication import AccessTokenAuthentication
from refresh_sessions.rest_framework.permissions import RequireBinding
from refresh_sessions.sessions import start_session
from tests.binding.keys import BoundClient
from tests.binding.test_bound_sessions import problem
from tests.factories import PASSWORD, UserFactory
from tests.factors import CODE

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

REFUSED = (403, "binding_required", None)


class StaffNeedKeys(SessionPolicy):
    """Requires a key for the users whose name begins with "staff"."""

    def require_binding(self, user, *, request):
        return user.get_username().startswith("staff")


class Transfer(APIView):
    authentication_classes = (AccessTokenAuthentication,)
    permission_classes = (RequireBinding,)

    def get(self, request):
        return Response({"done": True})


class WithoutHandler(Transfer):
    def get_exception_handler(self):
        from rest_framework.views import exception_handler  # noqa: PLC0415

        return exception_handler


class WithoutAuthentication(APIView):
    authentication_classes = ()
    permission_classes = (RequireBinding,)


urlpatterns = [
    path("auth/", include("refresh_sessions.urls")),
    path("transfer/", Transfer.as_view()),
    path("without-handler/", WithoutHandler.as_view()),
    path("without-authentication/", WithoutAuthentication.as_view()),
]


def credentials_of(user):
    return {"username": user.get_username(), "password": PASSWORD}


@pytest.fixture
def staff(db):
    return UserFactory(username="staff@example.org")


@pytest.fixture
def policy(options):
    """Switch the policy on; sessions that began before it may be unbound."""
    return lambda **more: options(POLICY=f"{__name__}.StaffNeedKeys", **more)


def without_key(user):
    """A logged-in client that sends no proof."""
    client = BoundClient(APIClient())
    assert client.log_in(credentials_of(user), proof=None).status_code == 200
    return client


class TestLogin:
    def test_login_without_key_is_refused_and_starts_no_session(self, client, staff, policy):
        policy()
        assert problem(client.log_in(credentials_of(staff), proof=None)) == REFUSED
        assert not DeviceSession.objects.exists()

    def test_login_with_key_is_accepted(self, client, staff, policy):
        policy()
        assert client.log_in(credentials_of(staff)).json()["session"]["bound"] == "dpop"

    def test_login_with_wrong_password_does_not_tell_the_requirement(self, client, staff, policy):
        policy()
        answer = client.log_in({**credentials_of(staff), "password": "wrong"}, proof=None)
        assert problem(answer) == (401, "no_active_account", None)

    def test_login_of_other_user_needs_no_key(self, user, policy):
        policy()
        assert without_key(user).refresh(proof=None).status_code == 200

    def test_setting_require_refuses_each_login_without_key(self, client, user, options):
        options(DPOP="require")
        assert problem(client.log_in(credentials_of(user), proof=None)) == REFUSED
        assert client.log_in(credentials_of(user)).status_code == 200

    def test_policy_beats_setting_require(self, user, policy):
        policy(DPOP="require")
        assert without_key(user).access

    def test_login_in_process_is_refused(self, staff, policy):
        policy()
        with pytest.raises(BindingRequiredError):
            start_session(staff)
        assert not DeviceSession.objects.exists()

    def test_second_step_without_key_is_refused_before_the_code(
        self, client, staff, policy, options, with_second_factor
    ):
        with_second_factor(staff)
        policy(SECOND_FACTORS=("tests.factors.Code",))
        first = client.post("login/", credentials_of(staff), proof=None)
        assert problem(first)[:2] == (401, "mfa_required")
        body = {"ticket": first.json()["ticket"], "code": CODE}
        for code in (CODE, "000000"):
            answer = client.post("login/verify/", {**body, "code": code}, proof=None)
            assert problem(answer) == REFUSED
        # The ticket is not used up.
        answer = client.store(client.post("login/verify/", body))
        assert answer.json()["session"]["bound"] == "dpop"


class TestUnboundSession:
    """A session that began before the requirement."""

    @pytest.fixture
    def old(self, staff, policy):
        client = without_key(staff)
        policy()
        return client

    def test_refresh_is_refused_and_session_lives(self, old, options):
        before = TokenFamily.objects.values().get()
        for proof in (None, old.key.proof("refresh/")):
            assert problem(old.refresh(proof=proof)) == REFUSED
        assert TokenFamily.objects.values().get() == before
        assert DeviceSession.objects.get().revoked_at is None
        options(POLICY="refresh_sessions.policies.SessionPolicy")
        assert old.refresh(proof=None).status_code == 200

    @pytest.mark.parametrize("password", [PASSWORD, "wrong"])
    def test_reauthentication_is_refused_before_the_password(self, old, password):
        body = {"password": password}
        answer = old.post("reauthenticate/", body, proof=None, with_access=True)
        assert problem(answer) == REFUSED

    def test_opening_of_family_is_refused(self, old):
        body = {"refresh": old.refresh_token, "dpop": old.key.proof("sessions/branch/")}
        answer = old.post("sessions/branch/", body, proof=None, with_access=True)
        assert problem(answer) == REFUSED
        assert TokenFamily.objects.count() == 1

    def test_logout_needs_no_key(self, old):
        answer = old.post("logout/", {"refresh": old.refresh_token}, proof=None)
        assert answer.status_code == 204

    def test_access_token_works_until_it_expires(self, old):
        answer = old.request("get", "sessions/", proof=None, with_access=True)
        assert answer.json()[0]["bound"] is None

    def test_new_login_replaces_it(self, old, staff):
        assert old.log_in(credentials_of(staff)).status_code == 200
        assert old.refresh().status_code == 200


class TestOtherUsers:
    def test_unbound_session_of_other_user_works_everywhere(self, user, policy):
        client = without_key(user)
        policy()
        assert client.refresh(proof=None).status_code == 200
        body = {"password": PASSWORD}
        answer = client.store(client.post("reauthenticate/", body, proof=None, with_access=True))
        assert answer.status_code == 200
        body = {"refresh": client.refresh_token}
        answer = client.post("sessions/branch/", body, proof=None, with_access=True)
        assert answer.status_code == 201

    @pytest.mark.parametrize("action", ["login/", "refresh/", "reauthenticate/"])
    def test_policy_takes_no_extra_query(self, user, policy, action, clock):
        client = without_key(user)

        def queries():
            body = {
                "login/": credentials_of(user),
                "refresh/": {"refresh": client.refresh_token},
                "reauthenticate/": {"password": PASSWORD},
            }[action]
            by_access = action == "reauthenticate/"
            with CaptureQueriesContext(connection) as captured:
                answer = client.post(action, body, proof=None, with_access=by_access)
            client.store(answer)
            assert answer.status_code == 200
            return len(captured)

        queries()
        before = queries()
        policy()
        assert queries() == before


class TestPermission:
    @pytest.mark.parametrize("check", ["session", "cache", "stateless"])
    def test_permission_is_granted_to_bound_session(self, owner, options, check):
        options(ACCESS_TOKEN_CHECK=check)
        answer = owner.request("get", "/transfer/", proof=None, with_access=True)
        assert answer.json() == {"done": True}

    @pytest.mark.parametrize("check", ["session", "cache", "stateless"])
    @pytest.mark.parametrize("name", ["transfer", "without-handler"])
    def test_permission_is_refused_to_unbound_session(self, user, options, check, name):
        options(ACCESS_TOKEN_CHECK=check)
        client = without_key(user)
        answer = client.request("get", f"/{name}/", proof=None, with_access=True)
        assert problem(answer) == REFUSED

    @pytest.mark.parametrize("name", ["transfer", "without-handler", "without-authentication"])
    def test_permission_without_access_token_is_401(self, client, name):
        answer = client.request("get", f"/{name}/", proof=None)
        assert problem(answer)[:2] == (401, "not_authenticated")
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'

    def test_permission_needs_key_with_bound_access_tokens(self, client, user, options):
        options(DPOP_ACCESS_TOKENS=True)
        client.log_in(credentials_of(user))
        answer = client.request("get", "/transfer/", with_access=True)
        assert answer.json() == {"done": True}
        client.scheme = "Bearer"
        answer = client.request("get", "/transfer/", proof=None, with_access=True)
        assert problem(answer) == (401, "token_not_valid", None)

    @pytest.mark.parametrize(("check", "expected"), [("session", 1), ("stateless", 1)])
    def test_permission_takes_one_query_with_the_check(self, owner, options, check, expected):
        options(ACCESS_TOKEN_CHECK=check)
        with CaptureQueriesContext(connection) as captured:
            assert owner.request("get", "/transfer/", proof=None, with_access=True).json()
        assert len(captured) == expected
