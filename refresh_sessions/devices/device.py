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
    """The device of one request; all fields are empty without a request."""

    ip_address: str | None = None
    user_agent: str = ""
    hints: ClientHints = field(default_factory=ClientHints)

    @property
    def kind(self) -> DeviceKind:
        """The kind of device, from user agent and hints."""
        return get_device_kind(self.user_agent, self.hints)

    @property
    def name(self) -> str:
        """The name in the active language; slow, so do not call it during a login or refresh."""
        return name_device(self.user_agent, self.hints)


def read_device(request: HttpRequest | None) -> Device:
    """Read address, user agent and hints of ``request``; user agent and hints can be forged."""
    if request is None:
        return Device()
    return Device(
        ip_address=get_client_ip(request),
        user_agent=strip_control_chars(request.META.get("HTTP_USER_AGENT", "")),
        hints=ClientHints.of_request(request),
    )


def device_icon(kind: str) -> SafeString:
    """The icon of a kind of device, as inline SVG in the colour of the surrounding text.

    It is hidden from screen readers, so show the kind or the name of the device beside it. A
    project can override the template ``refresh_sessions/icons/phone.svg``.

    Args:
        kind: a value of ``DeviceKind``; other values get the icon of ``DeviceKind.OTHER``.

    """
    known = DeviceKind(kind) if kind in DeviceKind.values else DeviceKind.OTHER
    return _render_icon(known.value)


def key_icon() -> SafeString:
    """The icon of a session that is bound to a key of the device, as inline SVG.

    It is hidden from screen readers, so show a text beside it. A project can override the template
    ``refresh_sessions/icons/key.svg``.
    """
    return _render_icon("key")


def _render_icon(name: str) -> SafeString:
    return render_to_string(f"refresh_sessions/icons/{name}.svg")
