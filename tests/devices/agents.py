"""User agents of real devices, with their kind and name.

Chromium's browsers shorten theirs: "Android 10; K" is any phone, "Windows NT 10.0" any Windows.
An iPad whose browser requests desktop pages sends the text of a Mac, so it counts as one.
"""

from pathlib import Path

from refresh_sessions.devices import DeviceKind

PHONE, TABLET, COMPUTER, OTHER = DeviceKind

_TABLE = Path(__file__).with_suffix(".tsv").read_text("utf-8")


def _read(line: str) -> tuple[DeviceKind, str, str]:
    kind, name, user_agent = line.split("\t")
    return DeviceKind(kind), name, user_agent


AGENTS = [_read(line) for line in _TABLE.splitlines()]
