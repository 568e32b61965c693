"""A service without Django that knows only the URL of the public keys."""

import json
import re
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from refresh_sessions.rest_framework.views.jwks import JWKSView
from tests.factories import make_pair
from tests.interop.processes import CHECKOUT, Child
from tests.keys import entry

pytest.importorskip("cryptography")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def start(live_server, options):
    """Return a function that starts the service with a cache lifetime in seconds."""
    options(KEYS=[entry("ES256")])
    started = []

    def start_one(seconds=300):
        url = f"{live_server.url}/auth/jwks.json"
        started.append(Child("tests.interop.service", url, str(seconds)))
        return started[-1]

    yield start_one
    for child in started:
        child.end()


@pytest.fixture
def service(start):
    return start()


def ask(service, token) -> tuple[int, dict]:
    web = HTTPConnection("127.0.0.1", service.port, timeout=60)
    try:
        web.request("GET", "/", headers={"Authorization": f"Bearer {token}"})
        answer = web.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        web.close()


@pytest.fixture
def fetches(monkeypatch):
    """The requests for the keys so far."""
    asked, get = [], JWKSView.get

    def counting(self, request):
        asked.append(1)
        return get(self, request)

    monkeypatch.setattr(JWKSView, "get", counting)
    return asked


def test_service_fetches_keys_once(service, fetches):
    pair = make_pair()
    for _ in range(5):
        assert ask(service, pair.access) == (
            200,
            {"sub": str(pair.session.user_id), "django": False},
        )
    assert len(fetches) == 1


def test_service_verifies_tokens_throughout_key_rotation(start, options):
    service = start(0.5)
    old, new = entry("ES256"), entry("EdDSA", 3)
    before = make_pair()
    assert ask(service, before.access)[0] == 200
    options(KEYS=[old, new])
    # Wait for the cache lifetime: unknown key ids trigger no new request before.
    time.sleep(0.6)
    assert ask(service, before.access)[0] == 200
    options(KEYS=[new, old])
    after = make_pair()
    for token in (before.access, after.access, before.access, after.access):
        assert ask(service, token)[0] == 200
    options(KEYS=[new])
    assert ask(service, after.access)[0] == 200


def test_service_unpublished_key_is_refused(service, options):
    """Why a rotation has a step in which the new key only verifies."""
    assert ask(service, make_pair().access)[0] == 200
    options(KEYS=[entry("EdDSA", 3), entry("ES256")])
    assert ask(service, make_pair().access)[0] == 401


@pytest.mark.parametrize("changed", [{"AUDIENCE": "another"}, {"ISSUER": "another"}])
def test_service_token_for_other_audience_or_issuer_is_refused(service, options, changed):
    options(**changed)
    assert ask(service, make_pair().access)[0] == 401


def test_service_refresh_token_or_garbage_is_refused(service, options):
    pair = make_pair()
    for token in (pair.refresh, "", "a.b.c", pair.access[:-6] + "AAAAAA"):
        status, result = ask(service, token)
        assert (status, list(result)) == (401, ["error"])


def test_service_token_of_removed_key_is_refused(service, options):
    pair = make_pair()
    options(KEYS=[entry("ES256", 4)])
    assert ask(service, pair.access)[0] == 401
    assert ask(service, make_pair().access)[0] == 200


def test_service_code_equals_documented_recipe():
    page = (CHECKOUT / "docs" / "keys.md").read_text("utf-8")
    (recipe,) = re.findall(r"^def verify\(token.*?^    \)$", page, re.MULTILINE | re.DOTALL)
    assert recipe in Path(__file__).with_name("service.py").read_text("utf-8")
