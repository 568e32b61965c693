"""Sessions whose refresh tokens are bound to a key of the client, over HTTP."""

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from refresh_sessions.exceptions import InvalidDPoPProofError
from refresh_sessions.models import (
    DeviceSession,
    EventKind,
    ProofAttempts,
    SessionEvent,
    TokenFamily,
)
from refresh_sessions.sessions import change_password, check_access_token, refresh_session
from refresh_sessions.signals import bound_token_misused
from tests.binding.keys import GENUINE, BoundClient, ClientKey
from tests.factories import PASSWORD, make_pair
from tests.forgery.endpoints import all_rows
from tests.listeners import heard

pytestmark = pytest.mark.django_db

CHALLENGE = 'DPoP error="invalid_dpop_proof", algs="ES256 EdDSA Ed25519 PS256 RS256"'
AFTER_OVERLAP = timedelta(seconds=11)


def problem(answer):
    body = answer.json()
    return answer.status_code, body["code"], body.get("reason")


class TestLogin:
    @pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "Ed25519", "RS256", "PS256"])
    def test_login_with_proof_binds_session(self, client, credentials, algorithm):
        client.key = ClientKey(algorithm)
        assert client.log_in(credentials).json()["session"]["bound"] == "dpop"
        family = TokenFamily.objects.get()
        assert (family.binding, family.public_key) == ("dpop", "")
        assert len(family.key_thumbprint) == 43
        assert client.refresh().status_code == 200

    def test_login_without_proof_is_not_bound(self, client, credentials):
        answer = client.log_in(credentials, proof=None)
        assert answer.json()["session"]["bound"] is None
        assert client.refresh(proof=None).status_code == 200

    def test_login_with_invalid_proof_checks_no_password(self, client, credentials):
        """Otherwise the answer would tell that the password was right."""
        old = client.key.proof("login/", iat=1)
        answers = [
            client.log_in({**credentials, "password": password}, proof=old)
            for password in (PASSWORD, "wrong")
        ]
        assert {problem(answer) for answer in answers} == {
            (401, "invalid_dpop_proof", "proof_time")
        }
        assert answers[0]["WWW-Authenticate"] == CHALLENGE
        assert not DeviceSession.objects.exists()

    def test_login_ignores_proof_where_dpop_is_off(self, client, credentials, options):
        options(DPOP="off")
        answer = client.log_in(credentials, proof="anything")
        assert answer.json()["session"]["bound"] is None

    def test_proof_is_used_for_one_login(self, client, credentials):
        proof = client.key.proof("login/")
        assert client.log_in(credentials, proof=proof).status_code == 200
        answer = client.log_in(credentials, proof=proof)
        assert problem(answer) == (401, "invalid_dpop_proof", "proof_replayed")
        assert DeviceSession.objects.count() == 1


class TestRefresh:
    def test_refresh_with_key_rotates(self, owner):
        before = owner.refresh_token
        assert owner.refresh().status_code == 200
        assert owner.refresh_token != before

    def test_refresh_never_binds(self, client, credentials):
        client.log_in(credentials, proof=None)
        assert client.refresh().status_code == 200
        assert TokenFamily.objects.get().binding == ""
        assert client.refresh(proof="nonsense").status_code == 200

    @pytest.mark.parametrize("dpop", ["accept", "off"])
    def test_refresh_without_key_is_refused_and_session_lives(self, owner, options, dpop):
        options(DPOP=dpop)
        answer = owner.refresh(proof=None)
        assert problem(answer) == (401, "invalid_dpop_proof", "proof_missing")
        assert answer["WWW-Authenticate"] == CHALLENGE
        assert owner.refresh().status_code == 200

    def test_refresh_with_other_key_is_refused_and_session_lives(self, owner, attacker):
        assert problem(attacker.refresh()) == (401, "invalid_dpop_proof", "proof_key")
        assert owner.refresh().status_code == 200

    def test_used_token_without_key_ends_nothing(self, owner, attacker, clock):
        """Reuse would revoke the session of an unbound family."""
        owner.refresh()
        clock.move(AFTER_OVERLAP)
        owner.refresh()
        clock.move(AFTER_OVERLAP)
        assert problem(attacker.refresh()) == (401, "invalid_dpop_proof", "proof_key")
        assert owner.refresh().status_code == 200

    def test_used_token_with_key_is_reuse(self, owner, clock):
        first = owner.refresh_token
        for _ in range(2):
            clock.move(AFTER_OVERLAP)
            owner.refresh()
        clock.move(AFTER_OVERLAP)
        assert owner.refresh(first).status_code == 401
        assert DeviceSession.objects.get().revoked_reason == "reuse"

    def test_siblings_with_key_share_successor(self, owner):
        """The key distinguishes clients as the companion cookie does."""
        token = owner.refresh_token
        owner.api.cookies.clear()
        new = {owner.refresh(token).json()["refresh"] for _ in range(3)}
        assert len(new) == 1

    def test_attempts_without_key_use_up_no_rate(self, owner, attacker, rate):
        rate("3/min")
        for _ in range(5):
            assert attacker.refresh().status_code == 401
        assert owner.refresh().status_code == 200

    def test_refresh_in_process_needs_request_with_proof(self, owner):
        with pytest.raises(InvalidDPoPProofError):
            refresh_session(owner.refresh_token)

    @pytest.mark.parametrize("query_count", [2])
    def test_refresh_takes_as_many_queries_as_without_key(
        self, owner, django_assert_num_queries, query_count
    ):
        with django_assert_num_queries(query_count):
            assert owner.refresh().status_code == 200

    def test_cookie_transport_is_bound_as_well(self, client, credentials, options):
        options(TRANSPORT="cookie", COOKIE_NAME="refresh", COOKIE_SECURE=False)
        client.log_in(credentials)
        assert problem(client.post("refresh/", {}, proof=None))[1] == "invalid_dpop_proof"
        assert "refresh" in client.api.cookies
        assert client.post("refresh/", {}).status_code == 200


class TestOtherEndpoints:
    @pytest.fixture(params=[GENUINE, None], ids=["other key", "no proof"])
    def proof(self, request):
        return request.param

    def refused(self, answer, proof):
        reason = "proof_missing" if proof is None else "proof_key"
        return problem(answer) == (401, "invalid_dpop_proof", reason)

    @pytest.fixture(autouse=True)
    def _lives(self, owner):
        yield
        assert owner.refresh().status_code == 200

    def test_reauthentication_needs_key(self, owner, attacker, proof):
        body = {"password": PASSWORD}
        answer = attacker.post("reauthenticate/", body, proof=proof, with_access=True)
        assert self.refused(answer, proof)
        answer = owner.post("reauthenticate/", body, with_access=True)
        assert owner.store(answer).status_code == 200

    def test_reauthentication_without_key_checks_no_password(self, owner, attacker, proof):
        """Otherwise a copied access token would serve to try passwords."""
        answers = [
            attacker.post("reauthenticate/", {"password": word}, proof=proof, with_access=True)
            for word in ("wrong", PASSWORD)
        ]
        assert all(self.refused(answer, proof) for answer in answers)
        assert not ProofAttempts.objects.exists()

    def test_logout_by_refresh_token_needs_key(self, attacker, proof):
        body = {"refresh": attacker.refresh_token}
        assert self.refused(attacker.post("logout/", body, proof=proof), proof)

    def test_revocation_by_refresh_token_needs_key(self, attacker, proof):
        answer = attacker.post("revoke/", {"token": attacker.refresh_token}, proof=proof)
        assert self.refused(answer, proof)

    def test_opening_of_family_needs_key(self, owner, attacker, proof):
        answer = attacker.post(
            "sessions/branch/",
            {"refresh": attacker.refresh_token, "dpop": attacker.key.proof("sessions/branch/")},
            proof=proof,
            with_access=True,
        )
        assert self.refused(answer, proof)
        assert TokenFamily.objects.count() == 1


class TestPasswordChange:
    def test_password_change_needs_key(self, owner, rf, user):
        """A view of the project changes the password of an accepted access token."""
        grant = check_access_token(owner.access)
        old = user.password
        for headers in ({}, {"dpop": ClientKey(number=1).proof("/password/")}):
            with pytest.raises(InvalidDPoPProofError):
                change_password(grant, "another", request=rf.post("/password/", headers=headers))
        user.refresh_from_db()
        assert user.password == old
        headers = {"dpop": owner.key.proof("/password/")}
        pair = change_password(grant, "another", request=rf.post("/password/", headers=headers))
        assert owner.refresh(pair.refresh).status_code == 200


class TestLogout:
    def test_logout_with_key_revokes(self, owner):
        assert owner.post("logout/", {"refresh": owner.refresh_token}).status_code == 204
        assert DeviceSession.objects.get().revoked_reason == "logout"

    def test_logout_by_access_token_without_key_claim_needs_no_proof(self, owner):
        answer = owner.post("logout/", {}, with_access=True, proof=None)
        assert answer.status_code == 204

    def test_login_over_cookie_of_bound_session_leaves_it_alive(
        self, client, credentials, options, user
    ):
        """The cookie may be a copy in the attacker's browser."""
        options(TRANSPORT="cookie", COOKIE_NAME="refresh", COOKIE_SECURE=False)
        client.log_in(credentials)
        other = BoundClient(client.api, key=ClientKey(number=1))
        assert other.log_in(credentials).status_code == 200
        assert DeviceSession.objects.filter(revoked_at=None).count() == 2
        assert not SessionEvent.objects.filter(kind=EventKind.BOUND_TOKEN_MISUSED).exists()

    def test_login_over_own_cookie_with_key_replaces_session(self, client, credentials, options):
        options(TRANSPORT="cookie", COOKIE_NAME="refresh", COOKIE_SECURE=False)
        client.log_in(credentials)
        client.log_in(credentials)
        assert DeviceSession.objects.filter(revoked_at=None).count() == 1


class TestOpenedFamilies:
    def open(self, owner, key, **options):
        body = {"refresh": owner.refresh_token, "dpop": key and key.proof("sessions/branch/")}
        return owner.post("sessions/branch/", body, with_access=True, **options)

    def test_opened_family_has_key_of_its_own(self, owner):
        watch = BoundClient(APIClient(), key=ClientKey(number=2))
        answer = self.open(owner, watch.key)
        assert answer.status_code == 201, answer.json()
        watch.store(answer)
        owner.refresh_token = answer.json()["current"]["refresh"]
        assert watch.refresh().status_code == 200
        assert owner.refresh().status_code == 200
        watch.key, owner.key = owner.key, watch.key
        assert problem(watch.refresh())[2] == "proof_key"
        assert problem(owner.refresh())[2] == "proof_key"

    def test_family_of_bound_parent_without_proof_is_refused(self, owner):
        answer = self.open(owner, None)
        assert problem(answer) == (401, "invalid_dpop_proof", "proof_missing")
        assert owner.refresh().status_code == 200

    def test_proof_of_child_serves_one_family(self, owner):
        proof = ClientKey(number=2).proof("sessions/branch/")
        body = {"refresh": owner.refresh_token, "dpop": proof}
        answer = owner.post("sessions/branch/", body, with_access=True)
        owner.refresh_token = answer.json()["current"]["refresh"]
        body["refresh"] = owner.refresh_token
        again = owner.post("sessions/branch/", body, with_access=True)
        assert problem(again) == (401, "invalid_dpop_proof", "proof_replayed")

    def test_unbound_parent_may_open_bound_family(self, client, credentials):
        client.log_in(credentials, proof=None)
        answer = self.open(client, ClientKey(number=2), proof=None)
        assert answer.status_code == 201
        # The session is bound only if all its families are.
        assert answer.json()["session"]["bound"] is None
        bindings = TokenFamily.objects.order_by("binding").values_list("binding", flat=True)
        assert list(bindings) == ["", "dpop"]

    @pytest.mark.parametrize("value", [1, [], {}])
    def test_proof_of_another_type_is_invalid_input(self, owner, value):
        body = {"refresh": owner.refresh_token, "dpop": value}
        assert owner.post("sessions/branch/", body, with_access=True).status_code == 400


class TestMisuse:
    def events(self):
        return SessionEvent.objects.filter(kind=EventKind.BOUND_TOKEN_MISUSED)

    def test_misuse_is_reported_once_per_hour(self, owner, attacker, clock, caplog):
        with heard(bound_token_misused) as signals:
            for _ in range(3):
                attacker.refresh()
            assert self.events().count() == 1
            clock.move(timedelta(hours=1, seconds=1))
            attacker.refresh()
        assert self.events().count() == 2
        assert len(signals) == 2
        critical = [record for record in caplog.records if record.levelname == "CRITICAL"]
        assert len(critical) == 2

    def test_misuse_event_names_both_clients(self, owner, attacker):
        owner.refresh(REMOTE_ADDR="198.51.100.1", HTTP_USER_AGENT="Owner/1")
        attacker.refresh_token = owner.refresh_token
        attacker.refresh()
        event = self.events().get()
        assert event.ip_address == "203.0.113.9"
        assert event.details == {
            "family": str(TokenFamily.objects.get().pk),
            "reason": "proof_key",
            "ip_address": "203.0.113.9",
            "user_agent": "curl/8",
            "other_ip_address": "198.51.100.1",
            "other_user_agent": "Owner/1",
        }

    def test_misuse_of_each_family_is_reported(self, owner, attacker):
        answer = TestOpenedFamilies().open(owner, ClientKey(number=2))
        owner.refresh_token = answer.json()["current"]["refresh"]
        attacker.refresh()
        attacker.refresh(answer.json()["refresh"])
        assert self.events().count() == 2

    @pytest.mark.parametrize(
        "fault",
        [{"iat": 1}, {"htu": "https://elsewhere.example/"}, {"htm": "GET"}],
        ids=["clock", "URL", "method"],
    )
    def test_fault_that_owners_may_have_is_no_misuse(self, owner, fault):
        answer = owner.refresh(proof=owner.key.proof("refresh/", **fault))
        assert answer.status_code == 401
        assert not self.events().exists()

    def test_misuse_after_end_of_session_is_not_reported(self, owner, attacker):
        owner.post("logout/", {"refresh": owner.refresh_token})
        assert attacker.refresh().status_code == 401
        assert not self.events().exists()

    def test_misuse_without_database_is_refused_and_logged(
        self, owner, attacker, monkeypatch, caplog
    ):
        def fail(*args, **kwargs):
            from refresh_sessions.exceptions import DatabaseBusyError  # noqa: PLC0415

            raise DatabaseBusyError

        monkeypatch.setattr("refresh_sessions.sessions.misuse.commit_once", fail)
        assert attacker.refresh().status_code == 401
        assert "was not recorded" in caplog.text

    def test_misuse_changes_no_family_and_no_session(self, owner, attacker):
        before = all_rows()[:2]
        attacker.refresh()
        attacker.refresh(proof=None)
        attacker.post("logout/", {"refresh": attacker.refresh_token})
        assert all_rows()[:2] == before


class TestEvidence:
    """A call is evidence of delivery only where no key is required."""

    def test_call_with_copied_access_token_confirms_no_delivery(self, owner, clock):
        lost = owner.refresh_token
        copied = owner.refresh().json()["access"]
        clock.move(timedelta(minutes=5))
        assert check_access_token(copied).user
        assert TokenFamily.objects.get().delivered_at is None
        # The owner has not received the response, and tries again.
        assert owner.refresh(lost).status_code == 200
        assert DeviceSession.objects.get().revoked_at is None


class TestIntrospection:
    def test_bound_refresh_token_has_confirmation(self, owner, options):
        from refresh_sessions.sessions import introspect_refresh_token  # noqa: PLC0415

        claims = introspect_refresh_token(owner.refresh_token)
        assert claims["cnf"] == {"jkt": TokenFamily.objects.get().key_thumbprint}
        assert "cnf" not in introspect_refresh_token(make_pair().refresh)


class TestOAuth:
    @pytest.fixture(autouse=True)
    def _urls(self, settings):
        settings.ROOT_URLCONF = "tests.api.oauth_urls"

    def test_token_endpoint_needs_key(self, owner, attacker):
        body = {"grant_type": "refresh_token", "refresh_token": owner.refresh_token}
        for client, proof in ((attacker, GENUINE), (owner, None)):
            answer = client.post("/oauth/token/", body, proof=proof)
            assert answer.status_code == 400
            assert answer.json()["error"] == "invalid_dpop_proof"
        answer = owner.post("/oauth/token/", body)
        assert answer.status_code == 200
        assert answer.json()["token_type"] == "Bearer"
