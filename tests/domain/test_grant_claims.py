"""Claims of ``request.auth`` by name, as simplejwt offers them."""

import pytest
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from refresh_sessions.policies import SessionPolicy
from refresh_sessions.rest_framework.authentication import AccessTokenAuthentication
from refresh_sessions.sessions import check_access_token
from tests.factories import make_pair
from tests.unit.forge import parts

pytestmark = pytest.mark.django_db

EXTRA = {"tenant": "blue", "roles": ["buyer"], "plan": None}


class Policy(SessionPolicy):
    def access_token_claims(self, user, *, session, request):
        return EXTRA


@pytest.fixture(params=["session", "cache", "stateless"])
def grant(request, options, user):
    options(POLICY=f"{__name__}.Policy", ACCESS_TOKEN_CHECK=request.param)
    return check_access_token(make_pair(user, methods=["pwd"]).access)


@pytest.fixture
def claims(options, user):
    """Grant and claims of the same token."""
    options(POLICY=f"{__name__}.Policy")
    pair = make_pair(user, methods=["pwd"])
    return check_access_token(pair.access), parts(pair.access)[1]


def test_grant_claim_is_read_by_name(claims):
    grant, payload = claims
    assert {name: grant[name] for name in payload} == payload
    assert dict(grant) == payload == grant.payload
    assert set(grant) == set(payload)


def test_grant_extra_claims_are_read_with_each_access_token_check(grant):
    assert {name: grant[name] for name in EXTRA} == EXTRA
    assert grant.get("tenant") == "blue"
    assert "tenant" in grant
    assert grant["sid"] == str(grant.session_id)


def test_unknown_grant_claim_is_key_error_or_default(grant):
    with pytest.raises(KeyError, match="user_id"):
        grant["user_id"]
    assert grant.get("user_id") is None
    assert grant.get("user_id", 7) == 7
    assert "user_id" not in grant
    # Attributes are not claims.
    assert "session_id" not in grant


def test_grant_claim_with_null_value_is_present(grant):
    assert "plan" in grant
    assert grant.get("plan", "default") is None


def test_auth_time_without_authentication_is_none():
    grant = check_access_token(make_pair(authenticated=False).access)
    assert "auth_time" not in grant


def test_grant_is_truthy_immutable(grant):
    assert grant
    grant.payload["tenant"] = "red"
    assert grant["tenant"] == "blue"
    with pytest.raises(TypeError):
        grant["tenant"] = "red"


def test_view_reads_claims_of_request_auth(options, user):
    class Tenant(APIView):
        authentication_classes = (AccessTokenAuthentication,)

        def get(self, request):
            known = "tenant" in request.auth
            return Response([request.auth["tenant"], request.auth.get("region", "eu"), known])

    options(POLICY=f"{__name__}.Policy")
    token = make_pair(user).access
    request = APIRequestFactory().get("/", headers={"authorization": f"Bearer {token}"})
    assert Tenant.as_view()(request).data == ["blue", "eu", True]
