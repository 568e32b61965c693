"""ASVS V10, OAuth: items that apply to first-party tokens."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.urls import get_resolver

from refresh_sessions import presets
from refresh_sessions.sessions import check_access_token, refresh_session
from refresh_sessions.tokens.keys import Purpose
from tests.api.client import problem
from tests.domain.client_actions import (
    AFTER_OVERLAP,
    call,
    delivered,
    family_of,
    refused,
    session_of,
)
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.standards.page import PAGE
from tests.standards.registry import deviates, passes
from tests.unit.forge import parts, remake

pytestmark = pytest.mark.django_db

README = (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")


@passes(
    "ASVS 10.1.1",
    "In a browser the refresh token is sent only to this server, in a cookie that scripts "
    "cannot read: recommended in [In browsers](#in-browsers) on this page.",
)
def test_asvs_10_1_1_refresh_with_cookie_needs_no_token_in_script(api, credentials, options):
    options(TRANSPORT="cookie")
    assert "## In browsers" in PAGE.read_text(encoding="utf-8")
    answer = api.post("login/", credentials)
    assert "refresh" not in answer.json()
    assert api.post("refresh/").status_code == 200
    # An access token, which scripts do hold, does not replace the cookie.
    del api.raw.cookies["__Host-refresh_token"]
    refused_answer = api.post("refresh/", access=answer.json()["access"])
    assert problem(refused_answer) == (401, "not_authenticated")


@passes(
    "ASVS 10.3.3",
    "`sub` is the primary key: a new user name changes nothing, and a user name that is "
    "reassigned gives no access.",
)
def test_asvs_10_3_3_subject_of_deleted_user_is_not_reassigned(pair, user):
    assert parts(pair.access)[1]["sub"] == str(user.pk)
    name, field = user.get_username(), get_user_model().USERNAME_FIELD
    get_user_model().objects.filter(pk=user.pk).update(**{field: "renamed@example.org"})
    successor = UserFactory(username=name)
    assert check_access_token(pair.access).user == user
    forged = remake(pair.access, Purpose.ACCESS, claims={"sub": str(successor.pk)})
    user.delete()
    for token in (pair.access, forged):
        pair_like = type("Pair", (), {"access": token})
        assert call(pair_like) in {"session_revoked", "token_not_valid"}


@passes(
    "ASVS 10.3.4",
    "The age of an authentication is read from the session's row, not from the claim `auth_time`.",
)
def test_asvs_10_3_4_stale_authentication_with_forged_auth_time_is_refused(api, pair, clock):
    path = "sessions/branch/"
    clock.move(timedelta(minutes=6))
    forged = remake(pair.access, Purpose.ACCESS, claims={"auth_time": int(clock.now.timestamp())})
    body = {"refresh": pair.refresh}
    for token in (pair.access, forged):
        assert problem(api.post(path, body, access=token)) == (401, "reauthentication_required")
    clock.move(timedelta(minutes=-6))
    assert api.post(path, body, access=pair.access).status_code == 201


@passes(
    "ASVS 10.4.4",
    "No authorization server and no grants: the password is sent to the first party's own "
    "login, as the README says.",
)
def test_asvs_10_4_4_password_grant_is_not_supported(api, user):
    assert "not an OAuth authorization server" in " ".join(README.split())
    paths = [str(url.pattern) for url in get_resolver("refresh_sessions.urls").url_patterns]
    assert paths
    assert not [path for path in paths if re.search("authorize|oauth|(?<!-)token/", path)]
    grant = {"grant_type": "password", "username": user.get_username(), "password": PASSWORD}
    body = "&".join(f"{name}={value}" for name, value in grant.items())
    answer = api.post("login/", data=body, content_type="application/x-www-form-urlencoded")
    assert problem(answer) == (415, "unsupported_media_type")


@deviates(
    "ASVS 10.4.5",
    "A refresh token is invalid as soon as it was used, and its reuse revokes the session.",
    why="It is invalid once its successor was seen in use. Before that the response may have been "
    "lost, or another tab may hold the same token; so an honest client is never logged out.",
    letter=presets.STRICT,
    remedy="`**presets.STRICT`",
)
def test_asvs_10_4_5_used_refresh_token_revokes_session(by_letter, pair, clock):
    used = pair.refresh
    pair = refresh_session(used)
    if by_letter:
        assert refused(used) == "session_revoked"
    else:
        # A sibling, then a client after a lost response: no token is issued twice.
        assert refresh_session(used).refresh is None
        clock.move(AFTER_OVERLAP)
        pair = refresh_session(used)
        # The successor was seen in use.
        delivered(pair, clock)
        assert refused(used) == "session_revoked"
    assert session_of(pair).revoked_reason == "reuse"
    assert call(pair) == "session_revoked"
    assert refused(pair.refresh) == "session_revoked"


@passes(
    "ASVS 10.4.8",
    "A refresh token expires no later than the session's hard limit, whatever the number of "
    "rotations.",
)
def test_asvs_10_4_8_refresh_token_expiry_never_exceeds_hard_limit(pair, clock):
    limit = int(session_of(pair).expires_at.timestamp())
    for _ in range(6):
        assert parts(pair.refresh)[1]["exp"] <= limit
        clock.move(timedelta(days=1))
        pair = refresh_session(pair.refresh)
    # The policy alone would allow another seven days.
    assert parts(pair.refresh)[1]["exp"] == limit
    assert family_of(pair).idle_expires_at == session_of(pair).expires_at


@passes(
    "ASVS 10.4.9",
    "Users revoke their own sessions, one or all, under `sessions/`, with refresh and access "
    "tokens.",
)
def test_asvs_10_4_9_user_revokes_own_sessions(api, user, pair):
    lost = make_pair(user)
    assert api.delete(f"sessions/{lost.session.pk}/", access=pair.access).status_code == 204
    assert (call(lost), refused(lost.refresh)) == ("session_revoked", "session_revoked")
    lost = make_pair(user)
    assert api.post("sessions/revoke-all/", access=pair.access).json() == {"revoked": 2}
    assert {call(lost), call(pair), refused(pair.refresh)} == {"session_revoked"}
