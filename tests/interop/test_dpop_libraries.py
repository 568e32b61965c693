"""The npm libraries ``dpop`` and ``oauth4webapi`` log in, refresh and call views."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from refresh_sessions.models import TokenFamily
from tests.factories import PASSWORD
from tests.interop.test_libraries import NODE, find_missing_library

pytest.importorskip("cryptography")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _node():
    if reason := find_missing_library("dpop", "oauth4webapi"):
        if os.environ.get("REFRESH_SESSIONS_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.mark.parametrize("nonce", [False, True], ids=["no nonce", "nonce"])
def test_libraries_refresh_and_call_with_their_own_proofs(
    live_server, settings, options, user, nonce
):
    settings.ROOT_URLCONF = "tests.api.oauth_urls_with_view"
    settings.REST_FRAMEWORK = {
        **django_settings.REST_FRAMEWORK,
        "DEFAULT_THROTTLE_RATES": {"session-login": None},
    }
    options(DPOP_ACCESS_TOKENS=True, DPOP_NONCE=nonce)
    credentials = {"username": user.get_username(), "password": PASSWORD}
    done = subprocess.run(  # noqa: S603  (our own script)
        ["node", str(Path(__file__).with_name("dpop.mjs")), str(NODE)],  # noqa: S607
        input=json.dumps({"origin": live_server.url, "credentials": credentials}),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    oauth = said.pop("oauth")
    assert oauth == {
        "type": "dpop",
        "rotated": True,
        "status": 200,
        # The endpoint and the view each ask once: the library stores a nonce per origin.
        "nonces": 1 if nonce else 0,
    }
    known = set(TokenFamily.objects.values_list("key_thumbprint", flat=True))
    for algorithm, result in said.items():
        assert result["bound"] == "dpop", algorithm
        assert result["statuses"] == [200, 401, 200, 204], algorithm
        assert result["stolen"] == "invalid_dpop_proof", algorithm
        assert result["thumbprint"] in known, algorithm
    assert set(said) == {"ES256", "Ed25519", "RS256", "PS256"}
