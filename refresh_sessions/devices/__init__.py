"""What a request tells about the device that sent it and the address it came from."""

from refresh_sessions.devices.addresses import (
    client_address,
    client_network,
    network_of,
    parse_address,
)
from refresh_sessions.devices.hints import STORED_LENGTH, ClientHints
from refresh_sessions.devices.icons import device_icon
from refresh_sessions.devices.kinds import DeviceKind
from refresh_sessions.devices.naming import name_device
from refresh_sessions.devices.places import place_of
from refresh_sessions.devices.reading import USER_AGENT_LENGTH, Device, device_of
from refresh_sessions.devices.systems import kind_of
from refresh_sessions.devices.texts import LABEL_LENGTH, label, printable, unlinked

__all__ = [
    "LABEL_LENGTH",
    "STORED_LENGTH",
    "USER_AGENT_LENGTH",
    "ClientHints",
    "Device",
    "DeviceKind",
    "client_address",
    "client_network",
    "device_icon",
    "device_of",
    "kind_of",
    "label",
    "name_device",
    "network_of",
    "parse_address",
    "place_of",
    "printable",
    "unlinked",
]
