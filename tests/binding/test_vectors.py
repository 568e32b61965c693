"""The examples of RFC 9449 and RFC 7638: proofs, their key, and the digest of an access token."""

import time

import pytest

from refresh_sessions.binding.dpop import hash_access_token, use_proof
from refresh_sessions.exceptions import InvalidDPoPProofError, ProofFault
from refresh_sessions.tokens.client_keys import parse_client_key
from refresh_sessions.tokens.keys.asymmetric import thumbprint

HEADER = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo"
    "UklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERW"
    "clUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
)

# RFC 9449 §4.1.
TOKEN_REQUEST = (
    f"{HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVy"
    "LmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMU"
    "vwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)

# RFC 9449 §7.1.
RESOURCE_REQUEST = (
    f"{HEADER}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJj"
    "ZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0Ra"
    "NTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6"
    "pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)
ACCESS_TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"

# RFC 9449 §6.1.
THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


@pytest.fixture
def at(monkeypatch):
    def set_clock(seconds):
        monkeypatch.setattr(time, "time", lambda: seconds)

    return set_clock


@pytest.mark.parametrize(
    ("proof", "method", "origin", "path", "issued_at"),
    [
        (TOKEN_REQUEST, "post", "https://server.example.com", "/token", 1562262616),
        (
            *(RESOURCE_REQUEST, "get", "https://resource.example.org"),
            *("/protectedresource", 1562262618),
        ),
    ],
    ids=["token request", "resource request"],
)
def test_proof_of_rfc_is_accepted_at_its_time_and_url(
    rf, options, at, proof, method, origin, path, issued_at
):
    options(PUBLIC_ORIGIN=origin)
    at(issued_at + 30)
    request = getattr(rf, method)(path, headers={"dpop": proof})
    assert use_proof(request).key.thumbprint == THUMBPRINT
    for seconds, other, reason in (
        (61, path, ProofFault.TIME),
        (-61, path, ProofFault.TIME),
        (30, f"{path}/other", ProofFault.URL),
    ):
        at(issued_at + seconds)
        request = getattr(rf, method)(other, headers={"dpop": proof})
        with pytest.raises(InvalidDPoPProofError) as raised:
            use_proof(request)
        assert raised.value.reason is reason


def test_digest_of_access_token_is_that_of_rfc(rf, options, at):
    options(PUBLIC_ORIGIN="https://resource.example.org")
    at(1562262618)
    request = rf.get("/protectedresource", headers={"dpop": RESOURCE_REQUEST})
    assert use_proof(request).token_digest == hash_access_token(ACCESS_TOKEN)


def test_thumbprint_of_rsa_key_is_that_of_rfc_7638():
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
        "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    jwk = {"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    key = parse_client_key(jwk, "RS256")
    assert key.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert thumbprint(key.members) == key.thumbprint
