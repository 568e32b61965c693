"""Browsers, apps and networks of the seeds and of the demo's page."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

FIREFOX_LINUX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
IPHONE: Final = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1"
)
ATTACKER_SCRIPT: Final = "python-requests/2.34.2"

_CHROME: Final = "(KHTML, like Gecko) Chrome/148.0.0.0"


class SampleDevice(NamedTuple):
    """A device with its name, empty for a login in a browser, and its user agent."""

    name: str
    user_agent: str


DEVICES: Final = (
    SampleDevice("iPhone of {first_name}", IPHONE),
    SampleDevice("", FIREFOX_LINUX),
    SampleDevice(
        "Work laptop",
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 {_CHROME} Safari/537.36",
    ),
    SampleDevice(
        "",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/26.1 Safari/605.1.15",
    ),
    SampleDevice(
        "",
        f"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 {_CHROME} Mobile Safari/537.36",
    ),
    SampleDevice("Tablet in the kitchen", "ExampleApp/4.2 (iPad; iPadOS 26.1)"),
    SampleDevice(
        "Front desk",
        f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 {_CHROME} Safari/537.36",
    ),
)


class Network(NamedTuple):
    """The first three numbers of addresses, and their place in ``places/GeoLite2-City.mmdb``."""

    prefix: str
    city: str
    country: str


# Addresses and places of MaxMind's test data; no packet is sent to them.
NETWORKS: Final = (
    Network("81.2.69", "London", "United Kingdom"),
    Network("2.125.160", "Boxford", "United Kingdom"),
    Network("89.160.20", "Linköping", "Sweden"),
    Network("216.160.83", "Milton", "United States"),
    Network("175.16.199", "Changchun", "China"),
)

ADA_ADDRESS: Final = f"{NETWORKS[0].prefix}.142"
PHONE_ADDRESS: Final = f"{NETWORKS[1].prefix}.77"
# Of a range for documentation.
ATTACKER_ADDRESS: Final = "203.0.113.66"


def place_records() -> dict[str, dict[str, Any]]:
    """The records of ``places/GeoLite2-City.mmdb``, by network."""
    return {
        f"{network.prefix}.0/24": {
            "city": {"names": {"en": network.city}},
            "country": {"names": {"en": network.country}},
        }
        for network in NETWORKS
    }
