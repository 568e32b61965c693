"""The client's address: trusted proxies and forwarded headers."""

import pytest
from django.test import RequestFactory

from refresh_sessions.client_ip import get_client_ip

PROXIES = ("10.0.0.0/8", "2001:db8::/32", "192.0.2.7")


def address(peer, forwarded=None, **headers):
    if forwarded is not None:
        headers["HTTP_X_FORWARDED_FOR"] = forwarded
    return get_client_ip(RequestFactory().get("/", REMOTE_ADDR=peer, **headers))


class TestAddressWithoutProxies:
    @pytest.mark.parametrize("forged", ["8.8.8.8", "8.8.8.8, 10.0.0.1", "127.0.0.1", "garbage"])
    def test_forwarded_for_without_proxies_is_ignored(self, forged):
        assert address("203.0.113.9", forged) == "203.0.113.9"

    @pytest.mark.parametrize(
        ("peer", "expected"),
        [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("::1", "::1"),
            ("[2001:db8::5]:443", "2001:db8::5"),
            (" 203.0.113.9 ", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("[::ffff:203.0.113.9]:443", "203.0.113.9"),
            ("2001:DB8:0:0::5", "2001:db8::5"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%eth0]:443", "fe80::1"),
            ("203.0.113.256", None),
            ("010.0.0.1", None),
            ("[", None),
            (":", None),
            ("", None),
            ("unix:", None),
            ("garbage", None),
        ],
    )
    def test_client_ip_is_normalized(self, peer, expected):
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
            # List elements are not empty; empty ones do not count (RFC 9110 §5.6.1).
            ("10.1.1.1", ",203.0.113.9, ,, 10.2.2.2,", "203.0.113.9"),
            ("10.1.1.1", "8.8.8.8, , 203.0.113.9", "203.0.113.9"),
            # The last proxy but one has no address, so the elements to its left do not count.
            ("10.1.1.1", "203.0.113.9, unknown, 10.2.2.2", "10.2.2.2"),
            ("10.1.1.1", "unknown", "10.1.1.1"),
            # Two headers arrive joined, the second one last.
            ("10.1.1.1", "8.8.8.8,203.0.113.9", "203.0.113.9"),
            ("10.1.1.1", "10.5.5.5, 10.4.4.4, 10.3.3.3", "10.5.5.5"),
            ("::ffff:10.1.1.1", "203.0.113.9, ::ffff:10.2.2.2", "203.0.113.9"),
            ("10.1.1.1", "fe80::1%eth0", "fe80::1"),
            ("", "8.8.8.8", None),
            ("unix:", "8.8.8.8", None),
        ],
    )
    def test_client_ip_is_last_untrusted_forwarded_address(self, peer, forwarded, expected):
        assert address(peer, forwarded) == expected

    def test_forwarded_header_is_ignored(self):
        forged = {"HTTP_FORWARDED": "for=8.8.8.8", "HTTP_X_REAL_IP": "8.8.8.8"}
        assert address("10.1.1.1", **forged) == "10.1.1.1"
        assert address("10.1.1.1", "203.0.113.9", **forged) == "203.0.113.9"

    def test_trusted_network_in_ipv6_notation_matches_ipv4(self, options):
        options(TRUSTED_PROXIES=("::ffff:10.0.0.0/104",))
        assert address("10.1.1.1", "8.8.8.8, 203.0.113.9, 10.2.2.2") == "203.0.113.9"
        assert address("11.1.1.1", "8.8.8.8") == "11.1.1.1"

    @pytest.mark.parametrize("filler", ["1", ",", "8.8.8.8,", "10.9.9.9,", "[::1]:80, ", " "])
    def test_client_ip_behind_long_forwarded_header_is_found(self, filler):
        long = filler * (100_000 // len(filler))
        assert address("10.1.1.1", f"{long}, 203.0.113.9, 10.2.2.2") == "203.0.113.9"

    def test_forwarded_header_is_read_up_to_its_limit(self):
        far = ", ".join(["203.0.113.9"] + ["10.2.2.2"] * 200)
        assert address("10.1.1.1", far) == "10.2.2.2"
        # The rest of an address at the cut would be a different address.
        cut = ",".join(["203.0.113.95", "10.4.4.4", *["10.200.200.200"] * 67])
        assert len(cut) - 1024 == len("20")
        assert address("10.1.1.1", cut) == "10.4.4.4"


class TestAddressBehindAUnixSocket:
    @pytest.fixture(autouse=True)
    def _socket(self, options):
        options(TRUSTED_PROXIES=("unix", "10.0.0.0/8"))

    @pytest.mark.parametrize("peer", ["", "unix:", "unix:/run/app.sock", "localhost"])
    @pytest.mark.parametrize(
        ("forwarded", "expected"),
        [
            ("203.0.113.9", "203.0.113.9"),
            ("8.8.8.8, 203.0.113.9", "203.0.113.9"),
            ("8.8.8.8, 203.0.113.9, 10.2.2.2", "203.0.113.9"),
            ("10.2.2.2", "10.2.2.2"),
            ("8.8.8.8, garbage", None),
            ("", None),
            (None, None),
        ],
    )
    def test_forwarded_for_from_unix_socket_is_trusted(self, peer, forwarded, expected):
        assert address(peer, forwarded) == expected

    def test_forwarded_for_without_peer_address_is_trusted(self):
        request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR="8.8.8.8, 203.0.113.9")
        del request.META["REMOTE_ADDR"]
        assert get_client_ip(request) == "203.0.113.9"

    def test_forwarded_for_from_network_is_ignored_with_unix_proxy(self):
        assert address("203.0.113.9", "8.8.8.8") == "203.0.113.9"


class TestPrivateProxies:
    @pytest.fixture(autouse=True)
    def _private(self, options):
        options(TRUSTED_PROXIES=["private"])

    @pytest.mark.parametrize(
        "peer",
        [
            *("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"),
            *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.7.7", "::ffff:10.0.0.1"),
            *("fc00::1", "fdff::1", "169.254.1.1", "fe80::1%eth0"),
        ],
    )
    def test_forwarded_for_from_private_peer_is_trusted(self, peer):
        assert address(peer, "203.0.113.9") == "203.0.113.9"
        assert address(peer, "8.8.8.8, 203.0.113.9, 192.168.0.1") == "203.0.113.9"

    @pytest.mark.parametrize(
        "peer",
        [
            *("8.8.8.8", "172.15.255.255", "172.32.0.1", "192.169.0.1", "11.0.0.1", "100.64.0.1"),
            *("2001:db8::1", "2606:4700::1", "fec0::1", "203.0.113.1"),
        ],
    )
    def test_forwarded_for_from_public_peer_is_ignored(self, peer):
        assert address(peer, "1.1.1.1") == peer

    def test_forwarded_for_from_unix_socket_is_ignored_with_private_proxies(self):
        assert address("", "203.0.113.9") is None


def test_private_proxies_combine_with_networks_plus_unix(options):
    options(TRUSTED_PROXIES=["private", "unix", "198.51.100.0/24"])
    for peer in ("10.0.0.1", "", "198.51.100.7"):
        assert address(peer, "8.8.8.8") == "8.8.8.8"


class TestUnlistedProxy:
    @pytest.fixture(autouse=True)
    def _settings(self, options):
        options(TRUSTED_PROXIES=[])

    def warned(self, caplog):
        return [
            record.getMessage()
            for record in caplog.records
            if record.name == "refresh_sessions" and "TRUSTED_PROXIES" in record.getMessage()
        ]

    @pytest.mark.parametrize("peer", ["10.0.0.1", "127.0.0.1", "::1", "fd00::1", ""])
    def test_unlisted_proxy_is_warned_about_once(self, caplog, peer):
        for _ in range(3):
            address(peer, "203.0.113.9")
        (text,) = self.warned(caplog)
        assert (peer or "Unix socket") in text
        assert ("['private']" if peer else "['unix']") in text
        assert "203.0.113.9" not in text
        assert caplog.records[0].levelname == "WARNING"

    @pytest.mark.parametrize("peer", ["8.8.8.8", "2606:4700::1", "203.0.113.5"])
    def test_public_peer_with_forwarded_header_is_not_warned_about(self, caplog, peer):
        address(peer, "203.0.113.9")
        assert self.warned(caplog) == []

    def test_private_peer_without_forwarded_header_is_not_warned_about(self, caplog):
        address("10.0.0.1")
        assert self.warned(caplog) == []

    @pytest.mark.parametrize("proxies", [["private"], ["10.0.0.0/8"], ["unix"]])
    def test_listed_proxy_is_not_warned_about(self, caplog, options, proxies):
        options(TRUSTED_PROXIES=proxies)
        address("10.0.0.1", "203.0.113.9")
        assert self.warned(caplog) == []
