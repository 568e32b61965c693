"""A picture for each kind of device."""

from __future__ import annotations

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from refresh_sessions.devices.kinds import DeviceKind


def device_icon(kind: str) -> SafeString:
    """The icon of a kind of device, as inline SVG in the colour of the text around it.

    It is hidden from screen readers, so say the kind or the name of the device beside it. A
    project may put a drawing of its own into ``templates/refresh_sessions/icons/phone.svg``.

    Args:
        kind: a value of ``DeviceKind``; anything else has the icon of ``DeviceKind.OTHER``.

    """
    known = DeviceKind(kind) if kind in DeviceKind.values else DeviceKind.OTHER
    return render_to_string(f"refresh_sessions/icons/{known.value}.svg")
