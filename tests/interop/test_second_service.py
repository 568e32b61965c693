"""A service without Django, with nothing of ours but the address of the public keys."""

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
    """Start the service, to keep the keys for so many seconds."""
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
    """How often somebody has asked for the keys."""
    asked, get = [], JWKSView.get

    def counting(self, request):
        asked.append(1)
        return get(self, request)

    monkeypatch.setattr(JWKSView, "get", counting)
    return asked


def test_verifies_and_asks_for_the_keys_once(service, fetches):
    pair = make_pair()
    for _ in range(5):
        assert ask(service, pair.access) == (
            200,
            {"sub": str(pair.session.user_id), "django": False},
        )
    assert len(fetches) == 1


def test_goes_on_through_a_rotation(start, options):
    service = start(0.5)
    old, new = entry("ES256"), entry("EdDSA", 3)
    before = make_pair()
    assert ask(service, before.access)[0] == 200
    options(KEYS=[old, new])
    # As long as the service keeps the keys: it would not look again for each unknown name.
    time.sleep(0.6)
    assert ask(service, before.access)[0] == 200
    options(KEYS=[new, old])
    after = make_pair()
    for token in (before.access, after.access, before.access, after.access):
        assert ask(service, token)[0] == 200
    options(KEYS=[new])
    assert ask(service, after.access)[0] == 200


def test_does_not_know_a_key_that_signs_before_it_was_shown(service, options):
    """Why a rotation has a step in which the new key only verifies."""
    assert ask(service, make_pair().access)[0] == 200
    options(KEYS=[entry("EdDSA", 3), entry("ES256")])
    assert ask(service, make_pair().access)[0] == 401


@pytest.mark.parametrize("changed", [{"AUDIENCE": "another"}, {"ISSUER": "another"}])
def test_refuses_tokens_for_others(service, options, changed):
    options(**changed)
    assert ask(service, make_pair().access)[0] == 401


def test_refuses_refresh_tokens_and_garbage(service, options):
    pair = make_pair()
    for token in (pair.refresh, "", "a.b.c", pair.access[:-6] + "AAAAAA"):
        status, said = ask(service, token)
        assert (status, list(said)) == (401, ["error"])


def test_refuses_tokens_of_keys_that_are_gone(service, options):
    pair = make_pair()
    options(KEYS=[entry("ES256", 4)])
    assert ask(service, pair.access)[0] == 401
    assert ask(service, make_pair().access)[0] == 200


def test_does_as_the_documentation_says():
    page = (CHECKOUT / "docs" / "keys.md").read_text("utf-8")
    (recipe,) = re.findall(r"^def verify\(token.*?^    \)$", page, re.MULTILINE | re.DOTALL)
    assert recipe in Path(__file__).with_name("service.py").read_text("utf-8")
