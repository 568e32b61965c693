"""Other libraries, in Python and node, verify tokens with the published keys."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from refresh_sessions.tokens.keys import public_keys
from tests.keys import entry
from tests.unit.forge import parts
from tests.unit.valid_tokens import access_token, refresh_token

pytest.importorskip("cryptography")
pytest.importorskip("joserfc")

from joserfc import jwt as other_jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

CHECKOUT = Path(__file__).resolve().parents[2]
NODE = CHECKOUT / ".interop"
ALGORITHMS = ["ES256", "EdDSA", "PS256"]


@pytest.fixture(params=ALGORITHMS)
def algorithm(request, options) -> str:
    chosen = str(request.param)
    options(KEYS=[entry(chosen), entry("ES256", 5), entry("HS256")])
    return chosen


def jwks() -> dict[str, object]:
    """Return the key set as a client receives it."""
    document: dict[str, object] = json.loads(json.dumps({"keys": public_keys()}))
    return document


# RFC 9864 renames EdDSA to Ed25519; PyJWT uses the older name, which libraries still accept.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
class TestJoserfc:
    def verify(self, token, algorithm):
        return other_jwt.decode(token, KeySet.import_key_set(jwks()), algorithms=[algorithm])

    def test_joserfc_access_token_is_verified(self, algorithm):
        token = access_token()
        decoded = self.verify(token, algorithm)
        assert (decoded.header, decoded.claims) == parts(token)
        required = {name: {"essential": True} for name in ("iss", "aud", "sub", "exp", "jti")}
        other_jwt.JWTClaimsRegistry(**required).validate(decoded.claims)

    def test_joserfc_thumbprint_equals_key_id(self, algorithm):
        for key in KeySet.import_key_set(jwks()):
            assert key.kid == key.thumbprint()

    def test_joserfc_modified_token_is_refused(self, algorithm):
        token = access_token()
        with pytest.raises(JoseError):
            self.verify(token[:-6] + "AAAAAA", algorithm)

    def test_joserfc_refresh_token_is_refused(self, algorithm):
        with pytest.raises((JoseError, ValueError)):
            self.verify(refresh_token(), algorithm)


def find_missing_library(*names: str) -> str | None:
    """Why libraries of npm cannot be used, or None if they can."""
    if shutil.which("node") is None:
        return "node is not installed"
    installed = all((NODE / "node_modules" / name).exists() for name in names)
    return None if installed else "scripts/node-libraries was not run"


class TestNode:
    @pytest.fixture(autouse=True)
    def _node(self):
        if reason := find_missing_library("jose"):
            if os.environ.get("REFRESH_SESSIONS_REQUIRE_SERVERS") == "1":
                pytest.fail(reason)
            pytest.skip(reason)

    def verify(self, *tokens):
        asked = {
            "jwks": jwks(),
            "tokens": tokens,
            "issuer": "refresh_sessions",
            "audience": "refresh_sessions.access",
        }
        done = subprocess.run(  # noqa: S603  (our own script)
            ["node", str(Path(__file__).with_name("verify.mjs")), str(NODE)],  # noqa: S607
            input=json.dumps(asked),
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=True,
        )
        return json.loads(done.stdout)

    def test_node_verifies_access_token_only(self, algorithm):
        token = access_token()
        changed, refresh = self.verify(token[:-6] + "AAAAAA", refresh_token())
        assert changed == {"error": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"}
        assert refresh == {"error": "ERR_JOSE_NOT_SUPPORTED"}
        assert self.verify(token) == [{"claims": parts(token)[1]}]
