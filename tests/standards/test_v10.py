"""ASVS V10, OAuth: what of it holds for a first party's own tokens."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.urls import get_resolver

from refresh_sessions import presets
from refresh_sessions.sessions import check_access_token, refresh_session
from refresh_sessions.tokens.keys import Purpose
from tests.api.client import problem
from tests.domain.stories import AFTER_OVERLAP, call, family_of, refused, session_of
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.standards.page import PAGE
from tests.standards.registry import beyond, deviates, passes
from tests.unit.forge import parts, remake

pytestmark = pytest.mark.django_db

README = (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")


@passes(
    "ASVS 10.1.1",
    "In a browser the refresh token goes to this server alone, in a cookie that no script sees: "
    "[In browsers](#in-browsers) on this page recommends it.",
)
def test_asvs_10_1_1_scripts_need_no_refresh_token(api, credentials, options):
    options(TRANSPORT="cookie")
    assert "## In browsers" in PAGE.read_text(encoding="utf-8")
    answer = api.post("login/", credentials)
    assert "refresh" not in answer.json()
    assert api.post("refresh/").status_code == 200
    # And no access token, which does go to scripts, gets one.
    del api.raw.cookies["__Host-refresh_token"]
    refused_answer = api.post("refresh/", access=answer.json()["access"])
    assert problem(refused_answer) == (401, "not_authenticated")


@passes(
    "ASVS 10.3.3",
    "`sub` is the primary key: a new name changes nothing, and a name that somebody else is given "
    "opens nothing.",
)
def test_asvs_10_3_3_the_subject_is_never_reassigned(pair, user):
    assert parts(pair.access)[1]["sub"] == str(user.pk)
    name, field = user.get_username(), get_user_model().USERNAME_FIELD
    get_user_model().objects.filter(pk=user.pk).update(**{field: "renamed@example.org"})
    heir = UserFactory(username=name)
    assert check_access_token(pair.access).user == user
    forged = remake(pair.access, Purpose.ACCESS, claims={"sub": str(heir.pk)})
    user.delete()
    for token in (pair.access, forged):
        pair_like = type("Pair", (), {"access": token})
        assert call(pair_like) in {"session_revoked", "token_not_valid"}


@passes(
    "ASVS 10.3.4",
    "How fresh a proof of identity is, the session's row says, not the claim `auth_time`.",
)
def test_asvs_10_3_4_the_age_of_a_proof_is_read_from_the_row(api, pair, clock):
    path = "sessions/branch/"
    clock.move(timedelta(minutes=6))
    forged = remake(pair.access, Purpose.ACCESS, claims={"auth_time": int(clock.now.timestamp())})
    body = {"refresh": pair.refresh}
    for token in (pair.access, forged):
        assert problem(api.post(path, body, access=token)) == (401, "reauthentication_required")
    clock.move(timedelta(minutes=-6))
    assert api.post(path, body, access=pair.access).status_code == 201


beyond(
    "ASVS 10.3.5",
    "Access tokens are bearer tokens: a copy is good for what is left of its 15 minutes.",
)


@passes(
    "ASVS 10.4.4",
    "No authorization server and no grants: the password goes to the first party's own login, and "
    "the README says so.",
)
def test_asvs_10_4_4_there_is_no_password_grant(api, user):
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
    "A refresh token that was used is dead at once, and ends the session when it comes back.",
    why="It is dead once its successor has been seen in use. Until then the answer may have been "
    "lost, or a sibling tab may hold the same token; so an honest client is never signed out.",
    letter=presets.STRICT,
    remedy="`**presets.STRICT`",
)
def test_asvs_10_4_5_a_used_refresh_token_ends_the_session(by_letter, pair, clock):
    used = pair.refresh
    pair = refresh_session(used)
    if by_letter:
        assert refused(used) == "session_revoked"
    else:
        # A sibling, then a client whose answer was lost: neither gets anything twice.
        assert refresh_session(used).refresh is None
        clock.move(AFTER_OVERLAP)
        pair = refresh_session(used)
        assert call(pair) == "ok"
        clock.move(AFTER_OVERLAP)
        # By then the successor has been seen in use.
        assert refused(used) == "session_revoked"
    assert session_of(pair).revoked_reason == "reuse"
    assert call(pair) == "session_revoked"
    assert refused(pair.refresh) == "session_revoked"


@passes(
    "ASVS 10.4.8",
    "A refresh token expires at the session's hard limit at the latest, however often it rotates.",
)
def test_asvs_10_4_8_refresh_tokens_have_an_absolute_expiry(pair, clock):
    limit = int(session_of(pair).expires_at.timestamp())
    for _ in range(6):
        assert parts(pair.refresh)[1]["exp"] <= limit
        clock.move(timedelta(days=1))
        pair = refresh_session(pair.refresh)
    # The policy would give it another seven days.
    assert parts(pair.refresh)[1]["exp"] == limit
    assert family_of(pair).idle_expires_at == session_of(pair).expires_at


@passes(
    "ASVS 10.4.9",
    "People end their own sessions one by one or all at once under `sessions/`, and refresh and "
    "access token with them.",
)
def test_asvs_10_4_9_people_revoke_their_tokens(api, user, pair):
    lost = make_pair(user)
    assert api.delete(f"sessions/{lost.session.pk}/", access=pair.access).status_code == 204
    assert (call(lost), refused(lost.refresh)) == ("session_revoked", "session_revoked")
    lost = make_pair(user)
    assert api.post("sessions/revoke-all/", access=pair.access).json() == {"revoked": 2}
    assert {call(lost), call(pair), refused(pair.refresh)} == {"session_revoked"}


beyond(
    "ASVS 10.4.14",
    "Refresh tokens rotate instead of being bound to a key of the client; a thief is found by it.",
)
