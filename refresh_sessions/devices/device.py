"""The device of a request, and the icon of its kind."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from refresh_sessions.client_ip import get_client_ip
from refresh_sessions.devices.client_hints import ClientHints
from refresh_sessions.devices.names import name_device
from refresh_sessions.devices.systems import DeviceKind, get_device_kind
from refresh_sessions.devices.texts import USER_AGENT_LENGTH, strip_control_chars

__all__ = ["USER_AGENT_LENGTH", "Device", "read_device"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device as one request shows it; empty where there was no request."""

    ip_address: str | None = None
    user_agent: str = ""
    hints: ClientHints = field(default_factory=ClientHints)

    @property
    def kind(self) -> DeviceKind:
        """What kind of thing it is."""
        return get_device_kind(self.user_agent, self.hints)

    @property
    def name(self) -> str:
        """What to call it, in the active language; takes time, so not while a client waits."""
        return name_device(self.user_agent, self.hints)


def read_device(request: HttpRequest | None) -> Device:
    """Read address, user agent and hints off ``request``; none of it is proof of anything."""
    if request is None:
        return Device()
    return Device(
        ip_address=get_client_ip(request),
        user_agent=strip_control_chars(request.META.get("HTTP_USER_AGENT", "")),
        hints=ClientHints.of_request(request),
    )


def device_icon(kind: str) -> SafeString:
    """The icon of a kind of device, as inline SVG in the colour of the text around it.

    It is hidden from screen readers, so say the kind or the name of the device beside it. A
    project may put a drawing of its own into ``templates/refresh_sessions/icons/phone.svg``.

    Args:
        kind: a value of ``DeviceKind``; anything else has the icon of ``DeviceKind.OTHER``.

    """
    known = DeviceKind(kind) if kind in DeviceKind.values else DeviceKind.OTHER
    return render_to_string(f"refresh_sessions/icons/{known.value}.svg")
