"""Records of the security log about bound sessions."""

import logging

import pytest

from refresh_sessions.models import DeviceSession

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(caplog):
    """Return the records of the security log since the last call."""
    caplog.set_level(logging.INFO, logger="refresh_sessions.security")

    def read():
        records = [one for one in caplog.records if one.name == "refresh_sessions.security"]
        caplog.clear()
        return records

    return read


def test_misuse_record_has_the_attributes_of_an_alarm(owner, attacker, log):
    log()
    attacker.refresh()
    alarm, refusal = log()
    session = DeviceSession.objects.get()
    assert (alarm.levelname, alarm.event) == ("CRITICAL", "bound_token_misused")
    assert (alarm.session_id, alarm.user_id) == (str(session.pk), session.user_id)
    assert (alarm.ip_address, alarm.actor_id, alarm.account) == ("203.0.113.9", None, None)
    assert str(session.pk) in alarm.getMessage()
    assert (refusal.levelname, refusal.event) == ("WARNING", "refused")
    assert (refusal.code, refusal.reason) == ("invalid_dpop_proof", "proof_key")


def test_second_misuse_of_the_hour_logs_the_refusal_only(owner, attacker, log):
    attacker.refresh()
    log()
    attacker.refresh(proof=None)
    (refusal,) = log()
    assert (refusal.levelname, refusal.reason) == ("WARNING", "proof_missing")


def test_wrong_clock_is_no_alarm(owner, log):
    log()
    owner.refresh(proof=owner.key.proof("refresh/", iat=1))
    (refusal,) = log()
    assert (refusal.event, refusal.reason) == ("refused", "proof_time")


def test_required_nonce_is_expected(client, credentials, options, log):
    options(DPOP_NONCE=True)
    client.log_in(credentials)
    (refusal,) = log()
    assert (refusal.levelname, refusal.code) == ("INFO", "use_dpop_nonce")
    assert refusal.reason is None


def test_log_contains_no_proof(owner, attacker, log, caplog):
    proofs = [attacker.key.proof("refresh/"), owner.key.proof("refresh/", htm="GET")]
    for proof in proofs:
        attacker.refresh(proof=proof)
    written = "\n".join(f"{vars(record)}" for record in caplog.records)
    assert "invalid_dpop_proof" in written
    for proof in proofs:
        assert all(part not in written for part in proof.split("."))
