"""The companion cookie: parallel requests of one browser, and an attacker with a copied token."""

from datetime import timedelta

import pytest
from django.test import RequestFactory

from refresh_sessions.exceptions import DeviceProofRequiredError
from refresh_sessions.sessions import (
    check_access_token,
    log_out,
    open_family,
    reauthenticate_session,
    refresh_session,
)
from refresh_sessions.tokens.refresh_tokens import verify
from tests.domain.client_actions import (
    AFTER_OVERLAP,
    call,
    companion_request,
    delivered,
    family_of,
    kinds,
    refused,
    session_of,
)
from tests.factories import make_pair

pytestmark = pytest.mark.django_db


def elsewhere():
    """A request from another address and user agent, without the cookie."""
    return RequestFactory().post("/", REMOTE_ADDR="198.51.100.7", HTTP_USER_AGENT="curl/8")


class TestSiblings:
    def test_siblings_with_companion_get_one_successor(self, pair, clock):
        first = refresh_session(pair.refresh, request=companion_request(pair))
        second = refresh_session(pair.refresh, request=companion_request(pair))
        assert verify(second.refresh).generation == verify(first.refresh).generation == 2
        assert second.refresh_expires_at == first.refresh_expires_at
        assert (first.repeated, second.repeated) == (False, True)
        assert call(second) == "ok"
        clock.move(AFTER_OVERLAP)
        assert refresh_session(second.refresh, request=companion_request(pair)).refresh

    def test_late_sibling_writing_old_token_back_is_not_accused(self, pair, clock):
        newest = refresh_session(pair.refresh, request=companion_request(pair))
        clock.move(timedelta(seconds=5))
        assert refresh_session(pair.refresh, request=companion_request(pair)).refresh is None
        delivered(newest, clock)
        assert refresh_session(pair.refresh, request=companion_request(pair)).refresh
        assert kinds(pair) == ["signed_in"]

    def test_siblings_of_a_reauthentication_get_its_tokens(self, pair, clock):
        grant = check_access_token(pair.access)
        stepped_up = reauthenticate_session(
            grant, methods=("pwd",), request=companion_request(pair)
        )
        sibling = refresh_session(pair.refresh, request=companion_request(pair))
        assert verify(sibling.refresh).generation == verify(stepped_up.refresh).generation
        clock.move(AFTER_OVERLAP)
        assert refresh_session(stepped_up.refresh, request=companion_request(pair)).refresh

    def test_companion_of_another_login_is_ignored(self, pair):
        other = make_pair()
        refresh_session(pair.refresh, request=companion_request(pair))
        assert refused(pair.refresh, request=companion_request(other)) == "refresh_superseded"


class TestAttacker:
    def test_attacker_without_companion_in_overlap_gets_no_token(self, pair):
        refresh_session(pair.refresh, request=companion_request(pair))
        assert refused(pair.refresh, request=elsewhere()) == "refresh_superseded"
        assert family_of(pair).sibling_answered_at is None

    def test_attacker_rotating_first_is_detected_by_owner(self, pair, clock):
        stolen = refresh_session(pair.refresh, request=elsewhere())
        owner = refresh_session(pair.refresh, request=companion_request(pair))
        assert owner.refresh
        assert verify(owner.refresh).generation == 3
        clock.move(AFTER_OVERLAP)
        assert refused(stolen.refresh, request=elsewhere()) == "session_revoked"
        assert kinds(pair) == ["signed_in", "reuse_detected"]

    def test_attacker_using_successor_is_detected_by_owner(self, pair, clock):
        stolen = refresh_session(pair.refresh, request=elsewhere())
        delivered(stolen, clock)
        assert refused(pair.refresh, request=companion_request(pair)) == "session_revoked"
        assert kinds(pair) == ["signed_in", "reuse_detected"]

    def test_attacker_behind_owner_is_detected_in_second_round(self, pair, clock):
        """The attacker presents a copied token one second after each refresh of the owner."""
        owner = pair
        for _ in range(2):
            copied = owner.refresh
            owner = refresh_session(copied, request=companion_request(pair))
            clock.move(timedelta(seconds=1))
            assert refused(pair.refresh, request=elsewhere()) in {
                "refresh_superseded",
                "session_revoked",
            }
            clock.move(AFTER_OVERLAP)
        assert session_of(pair).revoked_reason == "reuse"

    def test_attacker_with_opened_family_loses_both_families(self, pair, clock):
        stolen = open_family(check_access_token(pair.access), pair.refresh, request=elsewhere())
        refresh_session(stolen.opened.refresh, request=elsewhere())
        assert refresh_session(pair.refresh, request=companion_request(pair)).refresh
        assert family_of(stolen.opened).closed_at is not None
        assert call(stolen.opened) == "session_revoked"
        clock.move(AFTER_OVERLAP)
        assert refused(stolen.opened.refresh, request=elsewhere()) == "session_revoked"
        assert kinds(pair)[-1] == "reuse_detected"

    def test_attacker_without_active_owner_gets_two_recoveries(self, pair, clock):
        refresh_session(pair.refresh)
        for _ in range(2):
            clock.move(AFTER_OVERLAP)
            assert refresh_session(pair.refresh, request=elsewhere()).refresh
        clock.move(AFTER_OVERLAP)
        assert refused(pair.refresh, request=elsewhere()) == "session_expired/recovery_limit"
        assert kinds(pair) == ["signed_in", "limit_reached"]

    def test_recovery_is_compared_with_client_of_owner(self, pair, clock):
        refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        refresh_session(pair.refresh, request=elsewhere())
        family = family_of(pair)
        assert (family.last_ip_address, family.last_user_agent) == (None, "")
        assert family.recoveries_by_others == 1

    def test_ordinary_rotation_resets_recovery_count(self, pair, clock):
        refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        recovered = refresh_session(pair.refresh, request=elsewhere())
        clock.move(AFTER_OVERLAP)
        refresh_session(recovered.refresh)
        assert family_of(pair).recoveries_by_others == 0


class TestClientsWithoutCompanion:
    def test_client_writing_sent_token_back_is_not_accused(self, pair, clock):
        """``save(answer.refresh ?? sent)``, as many OAuth libraries do."""
        newest = refresh_session(pair.refresh)
        stored = refresh_session(pair.refresh).refresh or pair.refresh
        delivered(newest, clock)
        assert refresh_session(stored).refresh
        assert kinds(pair) == ["signed_in"]

    def test_client_unlike_the_owner_is_accused(self, pair, clock):
        newest = refresh_session(pair.refresh)
        refresh_session(pair.refresh, request=elsewhere())
        delivered(newest, clock)
        assert refused(pair.refresh, request=elsewhere()) == "session_revoked"

    def test_client_with_same_network_or_user_agent_is_not_accused(self, pair, clock, user):
        def request(address, agent):
            return RequestFactory().post("/", REMOTE_ADDR=address, HTTP_USER_AGENT=agent)

        for address, agent in (("192.0.2.1", "Other/2"), ("203.0.113.9", "App/1")):
            newest = refresh_session(pair.refresh, request=request("192.0.2.1", "App/1"))
            assert refresh_session(pair.refresh, request=request(address, agent)).refresh is None
            delivered(newest, clock)
            pair = refresh_session(pair.refresh, request=request(address, agent))
            clock.move(AFTER_OVERLAP)
        assert kinds(pair) == ["signed_in"]


class TestSetting:
    def test_companion_off_neither_sets_nor_reads_cookie(self, options, user, clock):
        with_companion = make_pair(user)
        options(COMPANION_COOKIE="off")
        assert make_pair(user).companion is None
        refresh_session(with_companion.refresh, request=companion_request(with_companion))
        assert family_of(with_companion).companion_generation is None

    def test_companion_is_absent_with_cookie_transport(self, options, user):
        options(TRANSPORT="cookie")
        assert make_pair(user).companion is None

    def test_companion_is_absent_from_repr(self, pair):
        assert pair.companion not in repr(pair)

    def test_companion_of_opened_family_is_the_same(self, pair):
        opened = open_family(check_access_token(pair.access), pair.refresh).opened
        assert family_of(opened).companion_digest == family_of(pair).companion_digest != ""

    class TestRequire:
        @pytest.fixture(autouse=True)
        def _require(self, options):
            options(COMPANION_COOKIE="require")

        def test_family_without_companion_refreshes_with_required_companion(self, pair, clock):
            new = refresh_session(pair.refresh)
            clock.move(AFTER_OVERLAP)
            assert refresh_session(new.refresh).refresh

        def test_copied_token_is_refused_with_required_companion(self, pair, clock):
            new = refresh_session(pair.refresh, request=companion_request(pair))
            clock.move(AFTER_OVERLAP)
            for token in (new.refresh, pair.refresh):
                assert refused(token, request=elsewhere()) == "device_proof_required"
                with pytest.raises(DeviceProofRequiredError):
                    log_out(verify(token), request=elsewhere())
            with pytest.raises(DeviceProofRequiredError):
                open_family(check_access_token(new.access), new.refresh, request=elsewhere())
            assert refresh_session(new.refresh, request=companion_request(pair)).refresh
            assert log_out(verify(new.refresh), request=companion_request(pair))
