"""The stored data about a client: user agent, address and name."""

import pytest
from django.test import RequestFactory

from refresh_sessions.devices import (
    SHORT_LENGTH,
    USER_AGENT_LENGTH,
    ClientHints,
    DeviceKind,
    read_device,
    shorten,
)


class TestUserAgent:
    def test_device_without_request_is_empty(self):
        device = read_device(None)
        assert (device.ip_address, device.user_agent, device.name) == (None, "", "")
        assert (device.hints, device.kind) == (ClientHints(), DeviceKind.OTHER)

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("Shop/1.2", "Shop/1.2"),
            ("a\r\nX-Forged: 1", "a  X-Forged: 1"),
            ("a\x00b", "a b"),
            ("a\ud800b", "a b"),
            ("  padded  ", "padded"),
            ("x" * 4096, "x" * USER_AGENT_LENGTH),
        ],
    )
    def test_user_agent_is_truncated_without_control_characters(self, sent, kept):
        request = RequestFactory().get("/", HTTP_USER_AGENT=sent)
        assert read_device(request).user_agent == kept

    def test_shortened_text_is_one_line(self):
        assert shorten("Shop/1.2   (iPhone)") == "Shop/1.2 (iPhone)"
        assert len(shorten("x" * 512)) == SHORT_LENGTH
        assert shorten("x" * 512).endswith("…")
        assert shorten("") == ""
        assert shorten("a\r\nBcc:\x00b\u202ec") == "a Bcc: b c"

    def test_shortened_text_keeps_joiners(self):
        for name in ("\U0001f469\u200d\U0001f467 Anna", "נ\u200cב"):
            assert shorten(name) == name
