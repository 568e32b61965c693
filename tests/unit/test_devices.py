"""What is believed of a request, and what is not."""

import pytest
from django.test import RequestFactory

from refresh_sessions.devices import LABEL_LENGTH, USER_AGENT_LENGTH, device_of, label

PROXIES = ("10.0.0.0/8", "2001:db8::/32", "192.0.2.7")


def address(peer, forwarded=None):
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    request = RequestFactory().get("/", REMOTE_ADDR=peer, **headers)
    return device_of(request).ip_address


class TestAddressWithoutProxies:
    @pytest.mark.parametrize("forged", ["8.8.8.8", "8.8.8.8, 10.0.0.1", "127.0.0.1", "garbage"])
    def test_forwarded_for_is_not_believed(self, forged):
        assert address("203.0.113.9", forged) == "203.0.113.9"

    @pytest.mark.parametrize(
        ("peer", "expected"),
        [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("::1", "::1"),
            ("[2001:db8::5]:443", "2001:db8::5"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("fe80::1%eth0", "fe80::1"),
            ("", None),
            ("unix:", None),
            ("garbage", None),
        ],
    )
    def test_forms_of_addresses(self, peer, expected):
        assert address(peer) == expected


class TestAddressBehindProxies:
    @pytest.fixture(autouse=True)
    def _proxies(self, options):
        options(TRUSTED_PROXIES=PROXIES)

    @pytest.mark.parametrize(
        ("peer", "forwarded", "expected"),
        [
            ("10.1.1.1", "203.0.113.9", "203.0.113.9"),
            ("10.1.1.1", "8.8.8.8, 203.0.113.9", "203.0.113.9"),
            ("10.1.1.1", "203.0.113.9, 10.2.2.2, 192.0.2.7", "203.0.113.9"),
            ("10.1.1.1", "8.8.8.8, 203.0.113.9, 10.2.2.2", "203.0.113.9"),
            ("203.0.113.9", "8.8.8.8", "203.0.113.9"),
            ("10.1.1.1", None, "10.1.1.1"),
            ("10.1.1.1", "", "10.1.1.1"),
            ("10.1.1.1", "10.3.3.3", "10.3.3.3"),
            ("10.1.1.1", "203.0.113.9, garbage", "10.1.1.1"),
            ("10.1.1.1", "garbage, 10.2.2.2", "10.2.2.2"),
            ("2001:db8::1", "2001:db9::7", "2001:db9::7"),
            ("2001:db8::1", "[2001:db9::7]:8080", "2001:db9::7"),
            ("10.1.1.1", "203.0.113.9:55555", "203.0.113.9"),
            ("", "8.8.8.8", None),
        ],
    )
    def test_walks_from_the_right(self, peer, forwarded, expected):
        assert address(peer, forwarded) == expected


class TestUserAgent:
    def test_absent_request(self):
        assert device_of(None).ip_address is None
        assert device_of(None).user_agent == ""

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
    def test_is_cut_and_made_printable(self, sent, kept):
        request = RequestFactory().get("/", HTTP_USER_AGENT=sent)
        assert device_of(request).user_agent == kept

    def test_label_is_short_and_on_one_line(self):
        assert label("Shop/1.2   (iPhone)") == "Shop/1.2 (iPhone)"
        assert len(label("x" * 512)) == LABEL_LENGTH
        assert label("x" * 512).endswith("…")
        assert label("") == ""
