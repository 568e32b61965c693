"""Hostile proofs: none is accepted, none writes, none ends a session."""

from importlib.util import find_spec

import pytest

from refresh_sessions.models import DeviceSession, EventKind, SessionEvent, TokenFamily
from tests.device_bound.browser import (
    REFRESH_COOKIE,
    Browser,
    has_cookie,
    make_proof,
    read_challenge,
)

if not find_spec("cryptography"):
    pytest.skip("needs cryptography", allow_module_level=True)

from tests.device_bound.hostile_proofs import hostile_proofs

pytestmark = pytest.mark.django_db

PROOFS = hostile_proofs()
KEY_OF_REGISTRATION = {
    # The header of a refresh has no key, so these are ordinary signatures of the registered one.
    name
    for name in PROOFS
    if name.startswith(("jwk ", "private ", "no jwk", "RSA ", "x ", "crv ", "kty ", "point "))
    or name in {"no x", "another alg in the key", "many members", "key of another"}
}


def rows():
    return (
        list(TokenFamily.objects.order_by("pk").values()),
        list(DeviceSession.objects.order_by("pk").values()),
    )


def test_there_are_enough_hostile_proofs():
    assert len(PROOFS) >= 100


@pytest.mark.parametrize("name", PROOFS)
def test_hostile_proof_registers_nothing(browser, name, django_assert_num_queries):
    before = rows()
    header = PROOFS[name](browser.challenge)
    with django_assert_num_queries(0):
        answer = browser.post("device/register/", headers={"Secure-Session-Response": header})
    assert answer.status_code == 403
    assert answer.json()["code"] == "invalid_device_proof"
    assert not has_cookie(answer)
    assert rows() == before
    assert browser.register().status_code == 200


@pytest.mark.parametrize("name", sorted(PROOFS.keys() - KEY_OF_REGISTRATION))
def test_hostile_proof_renews_nothing(bound, name):
    before = rows()
    challenge = read_challenge(bound.send_refresh())
    headers = {
        "Sec-Secure-Session-Id": f'"{bound.session_id}"',
        "Secure-Session-Response": PROOFS[name](challenge),
    }
    answer = bound.post("device/refresh/", headers=headers)
    assert answer.status_code == 403, "any other status of 4xx would cost the browser its key"
    assert answer.json()["code"] in {"invalid_device_proof", "device_challenge_required"}
    assert not has_cookie(answer)
    assert rows() == before
    assert SessionEvent.objects.filter(kind=EventKind.BOUND_TOKEN_MISUSED).count() <= 1
    assert bound.renew().status_code == 200
    assert bound.post("refresh/").status_code == 200


def test_key_in_proof_of_refresh_is_ignored(bound):
    """A key swap after the registration: only the stored key verifies."""
    attacker = bound.copy_cookies(REFRESH_COOKIE)
    challenge = read_challenge(bound.send_refresh())
    for which in (1, attacker.which):
        answer = bound.send_refresh(make_proof(challenge, which=which))
        assert answer.status_code == 403
        assert not has_cookie(answer)
    assert bound.send_refresh(bound.make_proof(challenge)).status_code == 200


def test_registered_rsa_key_cannot_become_an_elliptic_one(credentials):
    browser = Browser("RS256")
    browser.log_in(credentials)
    browser.register()
    challenge = read_challenge(browser.send_refresh())
    assert browser.send_refresh(make_proof(challenge)).status_code == 403
    assert browser.renew().status_code == 200
