"""Proofs of the JavaScript client, verified by this server and by the library jose."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import RequestFactory

from refresh_sessions.binding.dpop import DPoPProof, hash_access_token, use_proof
from tests.javascript.test_client_module import MODULE, missing_node

pytest.importorskip("cryptography")

HERE = Path(__file__).parent
JOSE = HERE.parents[1] / ".interop"


def make_requests(jose: str = "") -> list[dict[str, Any]]:
    """Requests of the client: a login, a refresh and two calls."""
    done = subprocess.run(  # noqa: S603  (our own program)
        ["node", str(HERE / "dpop_client.mjs"), jose],  # noqa: S607
        input=str(MODULE),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    requests: list[dict[str, Any]] = json.loads(done.stdout)
    return requests


@pytest.fixture(autouse=True)
def _node():
    if reason := missing_node():
        if os.environ.get("REFRESH_SESSIONS_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


def use(request: dict[str, Any]) -> DPoPProof:
    url = urlsplit(request["url"])
    received = RequestFactory().generic(
        request["method"],
        f"{url.path}?{url.query}",
        secure=True,
        headers={"DPoP": request["headers"]["dpop"]},
    )
    proof = use_proof(received)
    assert proof is not None
    return proof


def test_proofs_of_client_are_accepted_by_server():
    requests = make_requests()
    assert [(request["method"], urlsplit(request["url"]).path) for request in requests] == [
        ("POST", "/auth/login/"),
        ("POST", "/auth/refresh/"),
        ("PUT", "/who-am-i/"),
        ("GET", "/b%C3%A4r%20%C3%BC/"),
    ]
    proofs = [use(request) for request in requests]
    assert len({proof.key.thumbprint for proof in proofs}) == 1
    assert len({proof.id for proof in proofs}) == 4
    for request, proof in zip(requests[2:], proofs[2:], strict=True):
        scheme, token = request["headers"]["authorization"].split()
        assert scheme == "DPoP"
        assert proof.token_digest == hash_access_token(token)


def test_proofs_of_client_are_accepted_by_jose():
    if not (JOSE / "node_modules" / "jose").exists():
        if os.environ.get("REFRESH_SESSIONS_REQUIRE_SERVERS") == "1":
            pytest.fail("scripts/node-libraries was not run")
        pytest.skip("scripts/node-libraries was not run")
    for request in make_requests(str(JOSE)):
        proof = use(request)
        assert request["jose"]["thumbprint"] == proof.key.thumbprint
        claims = request["jose"]["claims"]
        assert (claims["jti"], claims.get("ath")) == (proof.id, proof.token_digest)
