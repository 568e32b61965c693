"""Extra claims that a policy adds to access tokens."""

from functools import partial

import pytest

from refresh_sessions.exceptions import ExtraClaimsError
from refresh_sessions.models import DeviceSession
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.sessions import check_access_token, open_family, refresh_session
from refresh_sessions.tokens.access_tokens import MAX_EXTRA, PROTECTED
from refresh_sessions.tokens.codec import MAX_LENGTH
from tests.domain.client_actions import AFTER_OVERLAP, family_of, session_of
from tests.factories import make_pair
from tests.unit.forge import parts

pytestmark = pytest.mark.django_db


class Policy(SessionPolicy):
    """Returns the claims that the test sets."""

    wanted: object = {}
    asked: list = []  # noqa: RUF012  (emptied by the fixture)

    def access_token_claims(self, user, *, session, request):
        type(self).asked.append((user, session, request))
        return type(self).wanted


@pytest.fixture
def claims(options):
    options(POLICY="tests.domain.test_extra_claims.Policy")
    Policy.asked = []
    yield partial(setattr, Policy, "wanted")
    Policy.wanted = {}


def test_extra_claims_are_absent_by_default(pair):
    assert check_access_token(pair.access).claims.extra == {}


def test_extra_claims_are_written_to_token(claims, user):
    wanted = {"tenant": "blue", "plan": {"seats": 3, "paid": True}, "tags": ["a", None, 1.5]}
    claims(wanted)
    pair = make_pair(user)
    assert wanted.items() <= parts(pair.access)[1].items()
    assert check_access_token(pair.access).claims.extra == wanted
    assert "tenant" not in parts(pair.refresh)[1]


def test_extra_claims_are_computed_once_per_token_with_context(claims, user, rf, clock):
    request = rf.get("/")
    pair = make_pair(user, request=request)
    assert Policy.asked == [(user, pair.session, request)]
    clock.move(AFTER_OVERLAP)
    claims({"plan": "new"})
    new = refresh_session(pair.refresh, request=request)
    assert len(Policy.asked) == 2
    assert check_access_token(new.access).claims.extra == {"plan": "new"}
    sibling = refresh_session(pair.refresh, request=request)
    assert check_access_token(sibling.access).claims.extra == {"plan": "new"}


@pytest.mark.parametrize("name", sorted(PROTECTED))
def test_extra_claims_cannot_override_standard_claims(claims, name):
    claims({"tenant": "blue", name: "x"})
    with pytest.raises(ExtraClaimsError, match=rf"access_token_claims must not return {name}\b"):
        make_pair()


def test_standard_claims_are_protected(pair):
    assert parts(pair.access)[1].keys() <= PROTECTED


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "tenant",
        [("tenant", "blue")],
        {1: "one"},
        {"at": {1, 2}},
        {"bytes": b"x"},
        {"number": float("nan")},
        {"number": float("inf")},
        {"plan": {1: "one", "1": "two"}},
    ],
    ids=repr,
)
def test_extra_claims_must_be_json(claims, wrong):
    claims(wrong)
    with pytest.raises(ExtraClaimsError, match="access_token_claims"):
        make_pair()


def test_extra_claims_have_a_size_limit(claims):
    overhead = len('{"t":""}')
    claims({"t": "x" * (MAX_EXTRA - overhead)})
    pair = make_pair()
    assert len(pair.access) < MAX_LENGTH
    check_access_token(pair.access)
    claims({"t": "x" * (MAX_EXTRA - overhead + 1)})
    with pytest.raises(ExtraClaimsError, match=f"of at most {MAX_EXTRA}"):
        make_pair()


def test_extra_claims_giving_too_long_token_are_refused(claims, options):
    claims({"t": "x" * 2000})
    options(POLICY="tests.domain.test_extra_claims.Policy", AUDIENCE="a" * 1000)
    with pytest.raises(ExtraClaimsError, match=f"of at most {MAX_LENGTH}"):
        make_pair()


def test_failing_extra_claims_leave_no_session(claims, user):
    claims({"sub": "root"})
    with pytest.raises(ExtraClaimsError):
        make_pair(user)
    assert not DeviceSession.objects.exists()


def test_failing_extra_claims_leave_no_family(claims, pair):
    claims({"sub": "root"})
    with pytest.raises(ExtraClaimsError):
        open_family(check_access_token(pair.access), pair.refresh)
    assert session_of(pair).families.count() == 1


def test_failing_extra_claims_use_no_refresh_token(claims, pair, clock):
    clock.move(AFTER_OVERLAP)
    claims({"sub": "root"})
    for _ in range(20):
        with pytest.raises(ExtraClaimsError):
            refresh_session(pair.refresh)
    assert family_of(pair).generation == 1
    claims({})
    assert refresh_session(pair.refresh).refresh


def test_client_id_claim_follows_settings(options):
    options(CLIENT_ID="web")
    pair = make_pair()
    assert parts(pair.access)[1]["client_id"] == "web"
    options(CLIENT_ID="another")
    claims = check_access_token(pair.access).claims
    assert claims.client_id == "web"
    assert claims.token_id == parts(pair.access)[1]["jti"]
