"""ASVS V4, web services."""

import pytest

from refresh_sessions.models import DeviceSession
from tests.standards.registry import passes

pytestmark = pytest.mark.django_db

FORGED = {
    "x-forwarded-for": "198.51.100.7",
    "x-real-ip": "198.51.100.7",
    "forwarded": "for=198.51.100.7",
    "client-ip": "198.51.100.7",
}


@passes(
    "ASVS 4.1.3",
    "Headers with a client address are ignored by default; behind a proxy of "
    "`TRUSTED_PROXIES` only the part that the proxy wrote is used.",
)
def test_asvs_4_1_3_forged_address_headers_are_ignored(api, credentials, options):
    api.post("login/", credentials, headers=FORGED)
    options(TRUSTED_PROXIES=("127.0.0.1/32",))
    by_proxy = {**FORGED, "x-forwarded-for": "198.51.100.7, 203.0.113.9"}
    api.post("login/", credentials, headers=by_proxy)
    addresses = DeviceSession.objects.order_by("created_at").values_list("ip_address", flat=True)
    assert list(addresses) == ["127.0.0.1", "203.0.113.9"]
