"""Any header: the parser of proofs and ids answers with its own errors alone."""

from uuid import UUID, uuid4

import pytest
from django.test import RequestFactory
from hypothesis import example, given, settings as hypothesis_settings, strategies as st

from refresh_sessions.binding.dbsc import (
    format_challenge,
    read_session_id,
    verify_device_proof,
    verify_registration,
)
from refresh_sessions.exceptions import DeviceChallengeRequiredError, InvalidDeviceProofError
from refresh_sessions.tokens.client_keys import parse_client_key
from refresh_sessions.tokens.segments import encode_segment
from tests.device_bound.browser import dump, public_jwk, sign

pytest.importorskip("cryptography")

FAMILY = UUID("7e57ab1e-0000-4000-8000-000000000000")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
names = st.sampled_from(["typ", "alg", "jwk", "crit", "jti", "kty", "crv", "x", "y", "n", "e"])
likely = st.sampled_from(["dbsc+jwt", "ES256", "RS256", "none", "EC", "P-256", "RSA", "AQAB", ""])
objects = st.dictionaries(names, likely | json_values | st.just(public_jwk()), max_size=6)


def request_with(header: str, **more: str):
    return RequestFactory().post("/", headers={"Secure-Session-Response": header, **more})


def refuse(header: str) -> None:
    request = request_with(header)
    with pytest.raises(InvalidDeviceProofError):
        verify_registration(request, FAMILY)
    key = parse_client_key(public_jwk(), "ES256")
    with pytest.raises((InvalidDeviceProofError, DeviceChallengeRequiredError)):
        verify_device_proof(request, FAMILY, key)


@given(st.text(max_size=200))
@example('"a.b.c"')
@example("\0")
@example('"' + "." * 100 + '"')
def test_any_text_is_refused(header):
    refuse(header)


@given(objects, objects)
@hypothesis_settings(max_examples=200)
def test_any_signed_objects_without_challenge_are_refused(header, claims):
    head = {"typ": "dbsc+jwt", "alg": "ES256", "jwk": public_jwk(), **header}
    try:
        proof = sign(head, claims)
    except ValueError:
        # Not a JSON value, such as NaN.
        return
    refuse(f'"{proof}"')


@given(st.binary(max_size=80) | objects.map(dump), st.binary(max_size=80), st.binary(max_size=70))
@hypothesis_settings(max_examples=200)
def test_any_segments_are_refused(header, claims, signature):
    parts = (encode_segment(one).decode() for one in (header, claims, signature))
    refuse(".".join(parts))


@given(st.text(max_size=60) | st.uuids().map(str))
def test_any_session_id_is_a_uuid_or_none(text):
    request = RequestFactory().post("/", headers={"Sec-Secure-Session-Id": text})
    found = read_session_id(request)
    assert found is None or str(found) in text


def test_challenges_are_structured_strings():
    family = uuid4()
    challenge, parameter = format_challenge(family).split(";")
    assert challenge.strip('"').replace("-", "").replace("_", "").isalnum()
    assert parameter == f'id="{family}"'


@pytest.mark.parametrize("header", ['"{}"', "{}", '"{}";ignored', '"{}";a=1;b="c"'], ids=str)
def test_session_id_is_read_from_string_with_parameters(header):
    request = RequestFactory().post("/", headers={"Sec-Secure-Session-Id": header.format(FAMILY)})
    assert read_session_id(request) == FAMILY
