"""Device kinds from the user agent and client hints: phone, tablet, computer or other."""

import pytest
from django.test import RequestFactory

from refresh_sessions.devices import ClientHints, DeviceKind, get_device_kind, read_device
from tests.devices.agents import AGENTS, COMPUTER, OTHER, PHONE, TABLET

ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141"
FIRE_TV = "Mozilla/5.0 (Linux; Android 9; AFTKA) AppleWebKit/537.36 Silk/108.9.3 Safari/537.36"


@pytest.mark.parametrize(("kind", "name", "user_agent"), AGENTS)
def test_device_kind_is_read_from_user_agent(kind, name, user_agent):
    assert get_device_kind(user_agent, ClientHints()) is kind


@pytest.mark.parametrize(
    ("user_agent", "hints", "kind"),
    [
        (f"{ANDROID} Safari/537.36", {"platform": "Android", "mobile": True}, PHONE),
        (f"{ANDROID} Mobile Safari/537.36", {"platform": "Android", "mobile": False}, TABLET),
        (f"{ANDROID} Mobile Safari/537.36", {"platform": "Android"}, PHONE),
        (f"{ANDROID} Safari/537.36", {"platform": "Android"}, TABLET),
        # The window of an app is always "mobile"; the model is more specific.
        (f"{ANDROID} Mobile", {"platform": "Android", "mobile": True, "model": "SM-X710"}, TABLET),
        ("", {"platform": "Windows", "mobile": False}, COMPUTER),
        ("", {"platform": "macOS"}, COMPUTER),
        ("", {"platform": "Chrome OS"}, COMPUTER),
        ("", {"platform": "Android", "mobile": True}, PHONE),
        ("", {"platform": "Android", "mobile": False}, TABLET),
        ("", {"mobile": True}, PHONE),
        ("", {"mobile": False}, OTHER),
        ("", {"platform": "Plan 9"}, OTHER),
        ("curl/8.5.0", {"platform": "Plan 9"}, OTHER),
        # A television names itself; its browser only names the operating system.
        (FIRE_TV, {"platform": "Android", "mobile": False}, OTHER),
        (f"{ANDROID} Safari/537.36", {"platform": "Linux"}, COMPUTER),
    ],
)
def test_device_kind_is_read_from_client_hints(user_agent, hints, kind):
    assert get_device_kind(user_agent, ClientHints(**hints)) is kind


@pytest.mark.parametrize("sent", ["iPhone", "x" * 200 + " iPhone", "iPhone" + "x" * 4096])
def test_device_kind_is_independent_of_word_position(sent):
    assert get_device_kind(sent, ClientHints()) is PHONE


def test_device_kind_of_request_prefers_client_hints():
    request = RequestFactory().get("/", HTTP_USER_AGENT=f"{ANDROID} Mobile Safari/537.36")
    assert read_device(request).kind is PHONE
    request.META |= {"HTTP_SEC_CH_UA_PLATFORM": '"Windows"', "HTTP_SEC_CH_UA_MOBILE": "?0"}
    assert read_device(request).kind is COMPUTER


def test_device_kinds_have_labels():
    assert [str(kind.label) for kind in DeviceKind] == ["Phone", "Tablet", "Computer", "Other"]
