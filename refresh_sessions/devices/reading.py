"""Reading a device off a request."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.http import HttpRequest

from refresh_sessions.devices.addresses import client_address
from refresh_sessions.devices.hints import ClientHints
from refresh_sessions.devices.kinds import DeviceKind
from refresh_sessions.devices.naming import name_device
from refresh_sessions.devices.systems import kind_of
from refresh_sessions.devices.texts import USER_AGENT_LENGTH, printable

__all__ = ["USER_AGENT_LENGTH", "Device", "device_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device as one request shows it; empty where there was no request."""

    ip_address: str | None = None
    user_agent: str = ""
    hints: ClientHints = field(default_factory=ClientHints)

    @property
    def kind(self) -> DeviceKind:
        """What kind of thing it is."""
        return kind_of(self.user_agent, self.hints)

    @property
    def name(self) -> str:
        """What to call it, in the active language; takes time, so not while a client waits."""
        return name_device(self.user_agent, self.hints)


def device_of(request: HttpRequest | None) -> Device:
    """Read address, user agent and hints off ``request``; none of it is proof of anything."""
    if request is None:
        return Device()
    return Device(
        ip_address=client_address(request),
        user_agent=printable(request.META.get("HTTP_USER_AGENT", "")),
        hints=ClientHints.of_request(request),
    )
