"""Sessions as targets of forgery, with each kind of keys."""

import hashlib
from typing import Any

import pytest

from refresh_sessions.tokens.keys import Purpose
from refresh_sessions.tokens.keys.new_keys import parse_key
from tests.factories import UserFactory, make_pair
from tests.forgery.endpoints import SECRET
from tests.forgery.tokens import Targets
from tests.keys import entry, text

KEY_SETTINGS: dict[str, dict[str, Any]] = {
    "derived": {},
    "ES256": {"KEYS": ["ES256"]},
    "EdDSA": {"KEYS": ["EdDSA", "ES256"], "REFRESH_KEYS": [entry("HS512", 7)]},
}


@pytest.fixture(params=KEY_SETTINGS)
def key_kind(request, options, settings) -> str:
    """Keys of one kind, with all endpoints enabled and unthrottled."""
    asymmetric = request.param in {"ES256", "EdDSA"}
    if asymmetric:
        pytest.importorskip("cryptography")
    chosen = dict(KEY_SETTINGS[request.param])
    if asymmetric:
        chosen["KEYS"] = [entry(algorithm) for algorithm in chosen["KEYS"]]
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    options(**chosen, INTROSPECTION_CLIENTS={"service": digest})
    rates = {"session-login": None, "session-refresh": None}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}
    return str(request.param)


@pytest.fixture
def targets(key_kind, db) -> Targets:
    user = UserFactory()
    algorithms = ["HS256", "HS512"] + (
        ["ES256", "EdDSA"] if key_kind in {"ES256", "EdDSA"} else []
    )
    retired = tuple(
        parse_key(text(name, 9), name, purpose)
        for name in algorithms
        for purpose in (Purpose.ACCESS, Purpose.REFRESH)
    )
    return Targets(
        victim=make_pair(user),
        sibling=make_pair(user),
        stranger=make_pair(UserFactory()),
        retired=retired,
    )
