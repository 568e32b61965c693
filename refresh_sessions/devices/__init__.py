"""The device of a request: address, user agent, client hints, name, kind and place."""

from refresh_sessions.devices.client_hints import STORED_LENGTH, ClientHints
from refresh_sessions.devices.device import (
    USER_AGENT_LENGTH,
    Device,
    device_icon,
    key_icon,
    read_device,
)
from refresh_sessions.devices.names import name_device
from refresh_sessions.devices.places import get_place
from refresh_sessions.devices.systems import DeviceKind, get_device_kind
from refresh_sessions.devices.texts import SHORT_LENGTH, remove_links, shorten, strip_control_chars

__all__ = [
    "SHORT_LENGTH",
    "STORED_LENGTH",
    "USER_AGENT_LENGTH",
    "ClientHints",
    "Device",
    "DeviceKind",
    "device_icon",
    "get_device_kind",
    "get_place",
    "key_icon",
    "name_device",
    "read_device",
    "remove_links",
    "shorten",
    "strip_control_chars",
]
