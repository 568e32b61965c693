"""ASVS V7.4 to V7.6, sessions: how they end, who ends them, and sessions of others."""

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
from tests.domain.stories import call, refused, session_of
from tests.factories import UserFactory, make_pair
from tests.standards.registry import passes

pytestmark = pytest.mark.django_db


def is_dead(pair) -> bool:
    """Neither of its tokens opens anything any more."""
    return (call(pair), refused(pair.refresh)) == ("session_revoked", "session_revoked")


@passes(
    "ASVS 7.4.1",
    "Signing out ends access and refresh token at once, wherever copies are; by the check "
    '`"cache"` too, while `"stateless"` asks nobody and says so in `refresh_sessions.W014`.',
)
@pytest.mark.parametrize("check", ["session", "cache"])
def test_asvs_7_4_1_an_ended_session_is_unusable(api, pair, options, check):
    options(ACCESS_TOKEN_CHECK=check)
    assert call(pair) == "ok"
    older = pair
    pair = refresh_session(pair.refresh)
    assert api.post("logout/", {"refresh": pair.refresh}).status_code == 204
    assert is_dead(older)
    assert is_dead(pair)


@passes(
    "ASVS 7.4.2",
    "An account that is deactivated or deleted is refused with the next request, by whatever path "
    "that happened.",
)
@pytest.mark.parametrize("how", ["deactivated", "deleted"])
def test_asvs_7_4_2_sessions_end_with_the_account(api, user, how):
    pairs = [make_pair(user), make_pair(user)]
    accounts = get_user_model().objects.filter(pk=user.pk)
    # Neither sends a signal that the package could have listened to.
    if how == "deactivated":
        accounts.update(is_active=False)
    else:
        accounts.delete()
    assert all(is_dead(pair) for pair in pairs)


@passes(
    "ASVS 7.4.3",
    "A changed password ends all sessions by itself; after any other change "
    "`revoke_user_sessions(user, keep=…)` ends all but the one in hand.",
)
def test_asvs_7_4_3_other_sessions_end_when_a_factor_changes(api, user):
    here, there = make_pair(user), make_pair(user)
    assert revoke_user_sessions(user, keep=here.session, reason="second factor removed") == 1
    assert is_dead(there)
    assert call(here) == "ok"
    another = make_pair(user)
    answer = api.post("sessions/revoke-others/", access=here.access)
    assert answer.json() == {"revoked": 1}
    assert is_dead(another)
    user.set_password("another one")
    user.save()
    assert is_dead(here)


@passes(
    "ASVS 7.4.4",
    "`POST logout/` takes the refresh token alone, or an access token, expired as it may be, and "
    "twice is fine: a button that always works.",
)
def test_asvs_7_4_4_anybody_can_sign_out(api, user, clock):
    first, second = make_pair(user), make_pair(user)
    for _ in range(2):
        assert api.post("logout/", {"refresh": first.refresh}).status_code == 204
    clock.move(timedelta(hours=1))
    for _ in range(2):
        assert api.post("logout/", access=second.access).status_code == 204
    assert {session_of(pair).revoked_reason for pair in (first, second)} == {"logout"}


@passes(
    "ASVS 7.4.5",
    "Staff end the sessions of one user or of several in the admin, those of all by "
    "`revoke_refresh_sessions --all`.",
)
def test_asvs_7_4_5_staff_end_sessions(client, user, settings):
    settings.ROOT_URLCONF = "tests.admin.urls"
    theirs, others = [make_pair(user), make_pair(user)], make_pair()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    pages = SessionPages(client)
    pages.confirm(pages.act("sign_out_everywhere", [theirs[0].session]))
    assert all(is_dead(pair) for pair in theirs)
    assert call(others) == "ok"
    call_command("revoke_refresh_sessions", "--all", "--no-input", verbosity=0)
    assert is_dead(others)


class UpstreamPolicy(SessionPolicy):
    """No session outlives the one at the identity provider."""

    def session_lifetime(self, user, *, request, data):
        usual = super().session_lifetime(user, request=request, data=data)
        return min(usual, data.get("upstream_lifetime", usual))


@passes(
    "ASVS 7.6.1",
    "[Other sessions](#other-sessions) on this page: the lifetime comes from the policy object, "
    "and a logout at the identity provider ends the session by `revoke_session`.",
)
def test_asvs_7_6_1_a_session_ends_with_that_of_the_identity_provider(user, options, clock):
    options(POLICY=f"{__name__}.UpstreamPolicy")
    data = {"upstream_lifetime": timedelta(hours=2)}
    long, short = (start_session(user, data=data, methods=["sso"]) for _ in range(2))
    assert long.session.expires_at == clock.now + timedelta(hours=2)
    revoke_session(short.session, reason="signed out upstream")
    assert is_dead(short)
    clock.move(timedelta(hours=2))
    assert refused(long.refresh) == "session_expired/absolute"


@passes(
    "ASVS 7.6.2",
    "A session begins with a sign-in by POST and nothing else: no GET, no refresh, no access "
    "token starts one.",
)
def test_asvs_7_6_2_a_session_takes_a_sign_in(api, pair, credentials):
    before = set(DeviceSession.objects.values_list("pk", flat=True))
    query = "&".join(f"{name}={value}" for name, value in credentials.items())
    assert api.get(f"login/?{query}").status_code == 405
    refreshed = api.post("refresh/", {"refresh": pair.refresh}).json()
    api.get("sessions/", access=refreshed["access"])
    revoke_session(pair.session, reason="logout")
    answer = api.post("refresh/", {"refresh": refreshed["refresh"]})
    assert problem(answer) == (401, "session_revoked")
    assert set(DeviceSession.objects.values_list("pk", flat=True)) == before
