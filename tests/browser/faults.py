"""Faults of the network between a browser and the live server, a thread of this process."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

Fault = Callable[[HttpResponseBase], HttpResponseBase]


@dataclass
class Network:
    """Faults for the next refreshes, and the answers of the server so far."""

    faults: deque[Fault] = field(default_factory=deque)
    refreshes: int = 0
    answers: list[tuple[str, int]] = field(default_factory=list)
    """Path and status, also of answers that the browser hides from the page."""

    def reset(self) -> None:
        self.faults.clear()
        self.answers.clear()
        self.refreshes = 0


NETWORK = Network()


class FaultMiddleware:
    """Apply the next fault to the response of a refresh."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        NETWORK.answers.append((request.path, response.status_code))
        if not request.path.endswith("/refresh/"):
            return response
        NETWORK.refreshes += 1
        return NETWORK.faults.popleft()(response) if NETWORK.faults else response


def lose(response: HttpResponseBase) -> HttpResponseBase:
    """Lose the response after the server has rotated, as a proxy does."""
    return HttpResponse(status=502)


def stall(response: HttpResponseBase) -> HttpResponseBase:
    """Send the response after the client has stopped waiting."""
    time.sleep(3.5)
    return response


def delay(response: HttpResponseBase) -> HttpResponseBase:
    """Send the response late, but within the time-out of the client."""
    time.sleep(1.5)
    return response
