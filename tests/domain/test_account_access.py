"""Users that the project refuses with a manager, a backend or the policy."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import InterfaceError

from refresh_sessions.account_access import get_backend_path, may_continue
from refresh_sessions.exceptions import (
    InvalidTicketError,
    InvalidTokenError,
    NoActiveAccountError,
    RefreshSessionsError,
    SecondFactorRequiredError,
    SessionRevokedError,
)
from refresh_sessions.identity import authenticate
from refresh_sessions.models import DeviceSession
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.sessions import (
    change_password,
    check_access_token,
    finish_login,
    introspect_access_token,
    introspect_refresh_token,
    log_in,
    log_out,
    open_family,
    read_grant,
    reauthenticate_session,
    refresh_session,
    start_session,
)
from refresh_sessions.tokens import refresh_tokens
from tests.domain.client_actions import AFTER_OVERLAP, call, refused, session_of
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.refusals import (
    MODEL_BACKEND,
    WAYS,
    FindsNoSuperusers,
    GrantsPermissions,
    RefusesSuperusers,
    path_of,
    set_refused,
)

pytestmark = pytest.mark.django_db

SECOND_FACTOR = "tests.factors.Code"
CODE = {"code": "314159"}


@pytest.fixture(params=WAYS)
def way(request, settings, options, monkeypatch):
    WAYS[request.param](settings, options, monkeypatch)
    return request.param


def ticket_of(user) -> str:
    with pytest.raises(SecondFactorRequiredError) as caught:
        log_in(user, methods=("pwd",))
    return caught.value.ticket


@pytest.mark.usefixtures("way")
class TestRefusedUser:
    @pytest.fixture
    def grant(self, pair):
        return check_access_token(pair.access)

    @pytest.fixture(autouse=True)
    def _refused(self, grant, user):
        set_refused(user)

    def test_access_token_of_refused_user_is_refused(self, pair):
        assert call(pair) == "session_revoked"

    def test_refresh_token_of_refused_user_is_refused(self, pair):
        assert refused(pair.refresh) == "session_revoked"

    def test_reauthentication_of_refused_user_is_refused(self, grant):
        with pytest.raises(SessionRevokedError):
            reauthenticate_session(grant, methods=("pwd",))

    def test_opening_a_family_of_refused_user_is_refused(self, grant, pair):
        with pytest.raises(SessionRevokedError):
            open_family(grant, pair.refresh)
        assert session_of(pair).families.count() == 1

    def test_password_change_of_refused_user_is_refused(self, grant, user):
        with pytest.raises(SessionRevokedError):
            change_password(grant, "another battery staple")
        stored = get_user_model()._base_manager.get(pk=user.pk)
        assert stored.check_password(PASSWORD)

    def test_introspection_of_refused_user_answers_inactive(self, pair):
        assert introspect_access_token(pair.access) is None
        assert introspect_refresh_token(pair.refresh) is None

    def test_login_of_refused_user_is_refused(self, user):
        user.refresh_from_db(from_queryset=get_user_model()._base_manager)
        for login in (start_session, log_in):
            with pytest.raises(NoActiveAccountError):
                login(user)
        assert DeviceSession.objects.count() == 1

    def test_password_of_refused_user_is_refused(self, user):
        found = authenticate(None, username=user.get_username(), password=PASSWORD)
        if found is not None:
            with pytest.raises(NoActiveAccountError):
                log_in(found)

    def test_logout_of_refused_user_revokes_session(self, pair):
        assert log_out(refresh_tokens.verify(pair.refresh))
        assert session_of(pair).revoked_reason == "logout"

    def test_reuse_by_refused_user_is_detected(self, pair, user, clock):
        set_refused(user, refused=False)
        clock.move(AFTER_OVERLAP)
        newer = refresh_session(pair.refresh)
        clock.move(timedelta(minutes=1))
        check_access_token(newer.access)
        set_refused(user)
        assert refused(pair.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "reuse"

    def test_session_of_readmitted_user_is_usable_again(self, pair, user):
        assert call(pair) == "session_revoked"
        assert refused(pair.refresh) == "session_revoked"
        set_refused(user, refused=False)
        assert call(pair) == "ok"
        assert refresh_session(pair.refresh).refresh


@pytest.mark.usefixtures("way")
class TestSecondStep:
    @pytest.fixture(autouse=True)
    def _second_factor(self, options):
        options(SECOND_FACTORS=[SECOND_FACTOR])

    def test_ticket_of_refused_user_is_refused(self, ada):
        ticket = ticket_of(ada)
        set_refused(ada)
        with pytest.raises(InvalidTicketError):
            finish_login(ticket, CODE)
        set_refused(ada, refused=False)
        assert finish_login(ticket, CODE).refresh

    def test_refused_user_gets_no_ticket(self, ada):
        set_refused(ada)
        ada.refresh_from_db(from_queryset=get_user_model()._base_manager)
        with pytest.raises(NoActiveAccountError):
            log_in(ada, methods=("pwd",))


@pytest.mark.usefixtures("way")
class TestChecksWithoutSession:
    """Access tokens whose check does not read the session."""

    @pytest.mark.parametrize("check", ["cache", "stateless"])
    @pytest.mark.parametrize("key", ["pk", "username"])
    def test_refused_lazy_user_does_not_load(self, check, key, user, options):
        field = key if key == "pk" else get_user_model().USERNAME_FIELD
        options(ACCESS_TOKEN_CHECK=check, USER_ID_FIELD=field)
        pair = make_pair(user)
        check_access_token(pair.access)
        set_refused(user)
        with pytest.raises(InvalidTokenError):
            bool(check_access_token(pair.access).user.password)

    def test_refused_user_is_not_read_for_grant(self, user, options):
        options(ACCESS_TOKEN_CHECK="cache")
        pair = make_pair(user)
        check_access_token(pair.access)
        grant = check_access_token(pair.access)
        set_refused(user)
        with pytest.raises(SessionRevokedError):
            read_grant(grant)


@pytest.mark.parametrize("check", ["cache", "stateless"])
@pytest.mark.parametrize("key", ["pk", "username"])
def test_inactive_lazy_user_does_not_load(check, key, user, options):
    field = key if key == "pk" else get_user_model().USERNAME_FIELD
    options(ACCESS_TOKEN_CHECK=check, USER_ID_FIELD=field)
    pair = make_pair(user)
    check_access_token(pair.access)
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)
    with pytest.raises(InvalidTokenError):
        bool(check_access_token(pair.access).user.password)


class TestBackend:
    BOTH = (path_of(RefusesSuperusers), MODEL_BACKEND)

    def test_authenticating_backend_is_stored_with_session(self, user, settings):
        settings.AUTHENTICATION_BACKENDS = self.BOTH
        found = authenticate(None, username=user.get_username(), password=PASSWORD)
        assert session_of(start_session(found)).backend == self.BOTH[0]

    def test_second_login_step_stores_backend_of_first_step(self, ada, settings, options):
        settings.AUTHENTICATION_BACKENDS = self.BOTH
        options(SECOND_FACTORS=[SECOND_FACTOR])
        found = authenticate(None, username=ada.get_username(), password=PASSWORD)
        pair = finish_login(ticket_of(found), CODE)
        assert session_of(pair).backend == self.BOTH[0]

    def test_account_check_asks_stored_backend_alone(self, user, settings):
        settings.AUTHENTICATION_BACKENDS = self.BOTH
        user.backend = MODEL_BACKEND
        pair = make_pair(user)
        set_refused(user)
        assert call(pair) == "ok"
        assert refresh_session(pair.refresh).refresh

    @pytest.mark.parametrize("stored", ["", "shop.backends.Removed", "x" * 300])
    def test_account_check_without_stored_backend_asks_each_backend(self, stored, user, settings):
        settings.AUTHENTICATION_BACKENDS = (MODEL_BACKEND, path_of(RefusesSuperusers))
        user.backend = stored
        pair = make_pair(user)
        assert session_of(pair).backend == ""
        assert call(pair) == "ok"
        set_refused(user)
        assert call(pair) == "session_revoked"

    def test_account_check_ignores_removed_backend(self, user, settings):
        settings.AUTHENTICATION_BACKENDS = self.BOTH
        user.backend = self.BOTH[0]
        pair = make_pair(user)
        set_refused(user)
        settings.AUTHENTICATION_BACKENDS = (MODEL_BACKEND,)
        assert call(pair) == "ok"

    def test_cached_access_token_has_stored_backend(self, user, settings, options):
        settings.AUTHENTICATION_BACKENDS = self.BOTH
        options(ACCESS_TOKEN_CHECK="cache")
        user.backend = MODEL_BACKEND
        pair = make_pair(user)
        check_access_token(pair.access)
        set_refused(user)
        assert check_access_token(pair.access).user.is_superuser

    def test_backend_without_users_refuses_no_user(self, user, settings):
        settings.AUTHENTICATION_BACKENDS = (path_of(GrantsPermissions), MODEL_BACKEND)
        assert call(make_pair(user)) == "ok"

    def test_lazy_user_keeps_its_backend(self, user):
        user.backend = MODEL_BACKEND
        assert get_backend_path(user) == MODEL_BACKEND
        assert get_backend_path(UserFactory()) == ""


class TestQueries:
    @pytest.mark.parametrize("name", ["manager", "backend", "policy"])
    def test_access_token_is_checked_with_one_query(
        self, name, pair, settings, options, monkeypatch, django_assert_num_queries
    ):
        WAYS[name](settings, options, monkeypatch)
        with django_assert_num_queries(1):
            check_access_token(pair.access)

    def test_backend_that_overrides_get_user_costs_its_own_query(
        self, pair, settings, django_assert_num_queries
    ):
        settings.AUTHENTICATION_BACKENDS = [path_of(FindsNoSuperusers)]
        with django_assert_num_queries(2):
            check_access_token(pair.access)


class TestPolicy:
    @pytest.fixture
    def asked(self, monkeypatch):
        calls = []

        def may_continue(self, user, *, session, request):
            calls.append((user, session, request))
            return True

        monkeypatch.setattr(SessionPolicy, "may_continue", may_continue)
        return calls

    def test_policy_receives_session_with_request(self, asked, user, rf):
        request = rf.post("/")
        pair = start_session(user, request=request)
        assert asked == [(user, None, request)]
        check_access_token(pair.access, request=request)
        refresh_session(pair.refresh, request=request)
        assert asked[1:] == [(user, pair.session, request)] * 2

    def test_policy_receives_request_with_lazy_user(self, asked, user, rf, options):
        options(ACCESS_TOKEN_CHECK="stateless")
        pair = make_pair(user)
        asked.clear()
        request = rf.get("/")
        assert check_access_token(pair.access, request=request).user.password
        assert asked == [(user, None, request)]

    def test_policy_is_not_asked_about_inactive_user(self, asked, user):
        user.is_active = False
        assert not may_continue(user, backend="", session=None, request=None)
        assert asked == []

    def test_transient_error_of_policy_is_retried(self, pair, monkeypatch):
        errors = [InterfaceError("connection already closed")] * 2

        def may_continue(self, user, *, session, request):
            if errors:
                raise errors.pop()
            return True

        monkeypatch.setattr(SessionPolicy, "may_continue", may_continue)
        assert call(pair) == "ok"
        assert errors == []


def test_refusal_leaves_deactivated_user_revoked(pair, user, settings):
    """A deactivated account revokes the session, even if the project refuses the user as well."""
    settings.AUTHENTICATION_BACKENDS = [path_of(RefusesSuperusers)]
    get_user_model().objects.filter(pk=user.pk).update(is_active=False, is_superuser=True)
    with pytest.raises(RefreshSessionsError):
        check_access_token(pair.access)
    assert session_of(pair).revoked_reason == "user_inactive"
