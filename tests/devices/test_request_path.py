"""Requests compute neither device names nor places; only pages that show them do."""

import pytest

from refresh_sessions.devices import names as devices_names, places
from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import check_access_token, refresh_session, revoke_session
from tests.factories import UserFactory, make_pair
from tests.interpreters import run_afresh

pytestmark = pytest.mark.django_db

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0"
HEADERS = {
    "HTTP_USER_AGENT": CHROME,
    "HTTP_SEC_CH_UA": '"Brave";v="141", "Chromium";v="141"',
    "HTTP_SEC_CH_UA_PLATFORM": '"Windows"',
    "REMOTE_ADDR": "81.2.69.142",
}


class ShownError(Exception):
    """A name or a place was computed."""


@pytest.fixture
def never_shown(monkeypatch, settings, tmp_path):
    """Raise ``ShownError`` if a name or a place is computed."""

    def fail(*args):
        raise ShownError

    settings.GEOIP_PATH = tmp_path
    for module, names in (
        (devices_names, ("name_device", "_read_client")),
        (places, ("_find", "_open")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, fail)


@pytest.fixture
def request_from_afar(rf):
    return rf.get("/", **HEADERS)


@pytest.mark.usefixtures("never_shown")
class TestRequestPath:
    def test_refresh_computes_no_device_name_or_place(self, client, request_from_afar):
        pair = make_pair(UserFactory(), request=request_from_afar)
        body = {"refresh": pair.refresh}
        answer = client.post("/auth/refresh/", body, format="json", **HEADERS)
        assert answer.status_code == 200

    def test_authenticated_request_computes_no_device_name_or_place(
        self, client, request_from_afar, bearer
    ):
        pair = make_pair(UserFactory(), request=request_from_afar)
        answer = client.get("/who-am-i/", headers=bearer(pair), **HEADERS)
        assert answer.status_code == 200

    def test_session_functions_compute_no_device_name_or_place(self, request_from_afar):
        pair = make_pair(UserFactory(), request=request_from_afar)
        check_access_token(pair.access)
        pair = refresh_session(pair.refresh, request=request_from_afar)
        revoke_session(pair.session, reason="logout")

    def test_showing_a_session_computes_device_name_with_place(
        self, request_from_afar, monkeypatch
    ):
        session = make_pair(UserFactory(), request=request_from_afar).session
        with pytest.raises(ShownError):
            _ = session.place
        monkeypatch.undo()
        assert DeviceSession.objects.get().device


def test_importing_urls_loads_no_large_library(tmp_path):
    """A name needs megabytes of rules, a place an entire HTTP client."""
    program = (
        "import django, sys; django.setup()\n"
        "import refresh_sessions.urls\n"
        "large = {'ua_parser', 'ua_parser_builtins', 'geoip2', 'maxminddb', 'aiohttp'}\n"
        "assert not large & sys.modules.keys(), large & sys.modules.keys()\n"
    )
    run_afresh(program)
