"""Middleware of the page: all its clients are one browser, so it gives each an address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

from example_project.demo.sample_clients import (
    ADA_ADDRESS,
    ATTACKER_ADDRESS,
    ATTACKER_SCRIPT,
    IPHONE,
    PHONE_ADDRESS,
)

HEADER: Final = "X-Demo-Client"

_CLIENTS: Final = {
    "phone": (PHONE_ADDRESS, IPHONE),
    "attacker": (ATTACKER_ADDRESS, ATTACKER_SCRIPT),
}


class SampleClients:
    """Replaces address and user agent of requests with the header ``X-Demo-Client``.

    Other requests from this machine get Ada's address.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request of a sample client."""
        browser = (ADA_ADDRESS, request.META.get("HTTP_USER_AGENT", ""))
        address, user_agent = _CLIENTS.get(request.headers.get(HEADER, ""), browser)
        request.META |= {"REMOTE_ADDR": address, "HTTP_USER_AGENT": user_agent}
        return self.get_response(request)
