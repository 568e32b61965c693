"""Hints with ``DEBUG`` about mistakes with DPoP; none repeats a value of the request."""

import pytest
from rest_framework.permissions import IsAuthenticated
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView, exception_handler

from refresh_sessions.exceptions import ProofFault
from refresh_sessions.rest_framework.authentication import AccessTokenAuthentication
from refresh_sessions.rest_framework.debug_hints import _PROOF_HINTS
from tests.binding.keys import ClientKey

pytestmark = pytest.mark.django_db

SECRET = "a-secret-that-no-answer-may-repeat"


@pytest.fixture(autouse=True)
def _debug(settings):
    settings.DEBUG = True


def hint_of(answer):
    text = answer.content.decode()
    assert SECRET not in text
    assert "eyJ" not in text
    return answer.json().get("hint")


class TestProof:
    @pytest.mark.parametrize(
        ("changes", "part"),
        [
            ({"htm": SECRET}, '"htm"'),
            ({"htu": f"https://{SECRET}.example/auth/refresh/"}, "PUBLIC_ORIGIN"),
            ({"htu": "http://testserver/auth/login/"}, "without query"),
            ({"iat": 1}, "Date"),
            ({"iat": 2**50}, "milliseconds"),
            ({"jti": ""}, '"jti"'),
            ({"header": {"typ": SECRET}}, "dpop+jwt"),
        ],
    )
    def test_wrong_claim_has_hint(self, owner, changes, part):
        answer = owner.refresh(proof=owner.key.proof("refresh/", **changes))
        assert part in hint_of(answer)

    def test_missing_proof_has_hint(self, owner):
        assert "in the header DPoP" in hint_of(owner.refresh(proof=None))

    def test_other_key_has_hint(self, owner):
        proof = ClientKey(number=1).proof("refresh/")
        assert "another key" in hint_of(owner.refresh(proof=proof))

    def test_used_proof_has_hint(self, owner):
        proof = owner.key.proof("refresh/")
        owner.refresh(proof=proof)
        assert '"jti"' in hint_of(owner.refresh(proof=proof))

    def test_each_fault_of_a_client_has_a_hint(self):
        """Without those of a device key, whose proofs browsers make."""
        of_browsers = {ProofFault.CHALLENGE, ProofFault.REGISTERED}
        assert set(_PROOF_HINTS) == set(ProofFault) - of_browsers

    def test_error_without_debug_has_no_hint(self, owner, settings):
        settings.DEBUG = False
        assert "hint" not in owner.refresh(proof=None).json()


class TestPolicy:
    def test_required_binding_has_hint(self, client, credentials, options):
        options(DPOP="require")
        answer = client.log_in(credentials, proof=None)
        assert "DPoP proof with the login" in hint_of(answer)

    def test_required_nonce_has_hint(self, client, credentials, options):
        options(DPOP_NONCE=True)
        assert "DPoP-Nonce" in hint_of(client.log_in(credentials))


class TestAccessToken:
    @pytest.fixture(autouse=True)
    def _bound(self, options):
        options(DPOP_ACCESS_TOKENS=True)

    @pytest.mark.parametrize("path", ["/who-am-i/", "sessions/"])
    def test_bound_token_as_bearer_has_hint(self, owner, path):
        owner.scheme = "Bearer"
        answer = owner.request("get", path, with_access=True)
        assert "'Authorization: DPoP <access token>'" in hint_of(answer)

    def test_unbound_token_with_scheme_dpop_has_hint(self, client, credentials):
        client.log_in(credentials, proof=None)
        client.scheme = "DPoP"
        answer = client.request("get", "/who-am-i/", with_access=True)
        assert "'Authorization: Bearer <access token>'" in hint_of(answer)

    @pytest.mark.parametrize("path", ["/who-am-i/", "sessions/"])
    def test_proof_without_digest_has_hint(self, owner, path):
        proof = owner.key.proof(path, method="GET")
        answer = owner.request("get", path, proof=proof, with_access=True)
        assert '"ath"' in hint_of(answer)

    def test_default_exception_handler_shows_hint(self, owner):
        class Me(APIView):
            authentication_classes = (AccessTokenAuthentication,)
            permission_classes = (IsAuthenticated,)

            def get_exception_handler(self):
                return exception_handler

        headers = {"authorization": f"DPoP {owner.access}"}
        answer = Me.as_view()(APIRequestFactory().get("/", headers=headers))
        assert "in the header DPoP" in answer.data["hint"]

    def test_dpop_header_at_refresh_has_hint(self, owner):
        headers = {"authorization": f"DPoP {owner.access}"}
        answer = owner.post("refresh/", {}, headers=headers)
        assert hint_of(answer) == "This endpoint does not read the Authorization header."

    @pytest.mark.parametrize("header", ["DPoP", "DPoP x", f"DPoP {SECRET} x"])
    def test_unreadable_token_with_scheme_dpop_has_no_hint(self, owner, header):
        answer = owner.request("get", "/who-am-i/", headers={"authorization": header})
        assert hint_of(answer) is None
