"""User agents as devices send them, with what each is and how people would call it.

Chromium's browsers cut theirs down: "Android 10; K" is any phone, "Windows NT 10.0" any Windows.
An iPad whose browser asks for the pages of a computer sends the words of a Mac, so it is one.
"""

from pathlib import Path

from refresh_sessions.devices import DeviceKind

PHONE, TABLET, COMPUTER, OTHER = DeviceKind

_TABLE = Path(__file__).with_suffix(".tsv").read_text("utf-8")


def _read(line: str) -> tuple[DeviceKind, str, str]:
    kind, name, user_agent = line.split("\t")
    return DeviceKind(kind), name, user_agent


AGENTS = [_read(line) for line in _TABLE.splitlines()]
