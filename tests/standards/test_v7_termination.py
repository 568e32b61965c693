"""ASVS V7.4 to V7.6, sessions: termination and federated sessions."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from refresh_sessions.models import DeviceSession
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.sessions import (
    refresh_session,
    revoke_session,
    revoke_user_sessions,
    start_session,
)
from tests.admin.pages import SessionPages
from tests.api.client import problem
from tests.domain.client_actions import call, refused, session_of
from tests.factories import UserFactory, make_pair
from tests.standards.registry import passes

pytestmark = pytest.mark.django_db


def is_revoked(pair) -> bool:
    """Whether access and refresh token are refused as revoked."""
    return (call(pair), refused(pair.refresh)) == ("session_revoked", "session_revoked")


@passes(
    "ASVS 7.4.1",
    "A logout invalidates access and refresh token immediately, copies included; with the "
    'check `"cache"` too. The check `"stateless"` has no such guarantee, as '
    "`refresh_sessions.W014` warns.",
)
@pytest.mark.parametrize("check", ["session", "cache"])
def test_asvs_7_4_1_logged_out_session_is_unusable(api, pair, options, check):
    options(ACCESS_TOKEN_CHECK=check)
    assert call(pair) == "ok"
    older = pair
    pair = refresh_session(pair.refresh)
    assert api.post("logout/", {"refresh": pair.refresh}).status_code == 204
    assert is_revoked(older)
    assert is_revoked(pair)


@passes(
    "ASVS 7.4.2",
    "The next request of a deactivated or deleted account is refused, however the account was "
    "changed.",
)
@pytest.mark.parametrize("how", ["deactivated", "deleted"])
def test_asvs_7_4_2_sessions_of_deactivated_or_deleted_user_are_refused(api, user, how):
    pairs = [make_pair(user), make_pair(user)]
    accounts = get_user_model().objects.filter(pk=user.pk)
    # Neither statement sends a signal.
    if how == "deactivated":
        accounts.update(is_active=False)
    else:
        accounts.delete()
    assert all(is_revoked(pair) for pair in pairs)


@passes(
    "ASVS 7.4.3",
    "A password change revokes all sessions; after any other change "
    "`revoke_user_sessions(user, keep=…)` revokes all but the current one.",
)
def test_asvs_7_4_3_other_sessions_are_revocable_after_factor_change(api, user):
    here, there = make_pair(user), make_pair(user)
    assert revoke_user_sessions(user, keep=here.session, reason="second factor removed") == 1
    assert is_revoked(there)
    assert call(here) == "ok"
    another = make_pair(user)
    answer = api.post("sessions/revoke-others/", access=here.access)
    assert answer.json() == {"revoked": 1}
    assert is_revoked(another)
    user.set_password("another one")
    user.save()
    assert is_revoked(here)


@passes(
    "ASVS 7.4.4",
    "`POST logout/` accepts the refresh token alone, or an access token, expired or not, and "
    "succeeds a second time too.",
)
def test_asvs_7_4_4_logout_accepts_either_token(api, user, clock):
    first, second = make_pair(user), make_pair(user)
    for _ in range(2):
        assert api.post("logout/", {"refresh": first.refresh}).status_code == 204
    clock.move(timedelta(hours=1))
    for _ in range(2):
        assert api.post("logout/", access=second.access).status_code == 204
    assert {session_of(pair).revoked_reason for pair in (first, second)} == {"logout"}


@passes(
    "ASVS 7.4.5",
    "Staff revoke the sessions of one or several users in the admin, and all sessions with "
    "`revoke_refresh_sessions --all`.",
)
def test_asvs_7_4_5_staff_revoke_sessions_of_user_or_all(client, user, settings):
    settings.ROOT_URLCONF = "tests.admin.urls"
    theirs, others = [make_pair(user), make_pair(user)], make_pair()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    pages = SessionPages(client)
    pages.confirm(pages.act("sign_out_everywhere", [theirs[0].session]))
    assert all(is_revoked(pair) for pair in theirs)
    assert call(others) == "ok"
    call_command("revoke_refresh_sessions", "--all", "--no-input", verbosity=0)
    assert is_revoked(others)


class UpstreamPolicy(SessionPolicy):
    """Limits a session to the lifetime of the identity provider's session."""

    def session_lifetime(self, user, *, request, data):
        usual = super().session_lifetime(user, request=request, data=data)
        return min(usual, data.get("upstream_lifetime", usual))


@passes(
    "ASVS 7.6.1",
    "[Other sessions](#other-sessions) on this page: the policy sets the lifetime, and a "
    "logout at the identity provider revokes the session with `revoke_session`.",
)
def test_asvs_7_6_1_session_ends_with_identity_provider_session(user, options, clock):
    options(POLICY=f"{__name__}.UpstreamPolicy")
    data = {"upstream_lifetime": timedelta(hours=2)}
    long, short = (start_session(user, data=data, methods=["sso"]) for _ in range(2))
    assert long.session.expires_at == clock.now + timedelta(hours=2)
    revoke_session(short.session, reason="signed out upstream")
    assert is_revoked(short)
    clock.move(timedelta(hours=2))
    assert refused(long.refresh) == "session_expired/absolute"


@passes(
    "ASVS 7.6.2",
    "Only a login by POST opens a session: no GET, no refresh and no access token does.",
)
def test_asvs_7_6_2_session_is_created_by_login_only(api, pair, credentials):
    before = set(DeviceSession.objects.values_list("pk", flat=True))
    query = "&".join(f"{name}={value}" for name, value in credentials.items())
    assert api.get(f"login/?{query}").status_code == 405
    refreshed = api.post("refresh/", {"refresh": pair.refresh}).json()
    api.get("sessions/", access=refreshed["access"])
    revoke_session(pair.session, reason="logout")
    answer = api.post("refresh/", {"refresh": refreshed["refresh"]})
    assert problem(answer) == (401, "session_revoked")
    assert set(DeviceSession.objects.values_list("pk", flat=True)) == before
