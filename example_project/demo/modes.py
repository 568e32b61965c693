"""The modes of the demo's page. Each has its own server: settings apply to a process."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from example_project.demo import server

ADDRESSES_VARIABLE: Final = "DEMO_ADDRESSES"
"""The base URL of each running mode, as JSON, for the switch of the page."""

DIRECTORY_VARIABLE: Final = "DEMO_DIRECTORY"
"""A temporary directory for the database of simplejwt."""

USUAL_PORT: Final = 8000

_SITE: Final = "example_project.demo.site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One entry of the switch."""

    name: str
    title: str
    settings_module: str
    summary: str
    library: str = "refresh_sessions"
    """The module without which the mode cannot run."""

    @property
    def is_installed(self) -> bool:
        """Whether the mode can run."""
        return find_spec(self.library) is not None


DEFAULT: Final = "default"

MODES: Final = (
    Mode(
        name=DEFAULT,
        title="default",
        settings_module=f"{_SITE}.settings",
        summary="This package with its default rules: parallel tabs share a rotation, and a "
        "client may repeat a refresh after a lost answer.",
    ),
    Mode(
        name="strict",
        title="strict",
        settings_module=f"{_SITE}.strict_settings",
        summary="This package with presets.STRICT: a used refresh token always revokes the "
        "session, as on most servers.",
    ),
    Mode(
        name="simplejwt",
        title="as simplejwt",
        settings_module=f"{_SITE}.simplejwt_settings",
        summary="The real djangorestframework-simplejwt, with ROTATE_REFRESH_TOKENS and "
        "BLACKLIST_AFTER_ROTATION.",
        library="rest_framework_simplejwt",
    ),
)


@contextmanager
def running(port: int | None) -> Iterator[server.Server]:
    """Serve the page in each installed mode, and yield the server of the default mode.

    Args:
        port: the port of the default mode; None for the usual port, or a free one if it is in
            use.

    Raises:
        ServerDidNotStartError: the port is in use, or a server has exited.

    """
    modes = [mode for mode in MODES if mode.is_installed]
    ports = _choose_ports(port, len(modes))
    addresses = {
        mode.name: f"http://{server.HOST}:{number}"
        for mode, number in zip(modes, ports, strict=True)
    }
    by_module = {mode.settings_module: number for mode, number in zip(modes, ports, strict=True)}
    with TemporaryDirectory(prefix="demo-") as directory:
        variables = {ADDRESSES_VARIABLE: json.dumps(addresses), DIRECTORY_VARIABLE: directory}
        with server.all_running(by_module, variables=variables) as servers:
            yield servers[MODES[0].settings_module]


def addresses() -> dict[str, str]:
    """The base URL of each running mode; empty in a server that runs alone."""
    found: dict[str, str] = json.loads(os.environ.get(ADDRESSES_VARIABLE, "{}"))
    return found


def directory() -> Path:
    """The temporary directory of the demo."""
    return Path(os.environ[DIRECTORY_VARIABLE])


def _choose_ports(first: int | None, number: int) -> list[int]:
    ports = server.free_ports(number)
    if first is None and not _is_used(USUAL_PORT):
        first = USUAL_PORT
    elif first and _is_used(first):
        raise server.ServerDidNotStartError(f"Port {first} is in use.")
    return [first or ports[0], *ports[1:]]


def _is_used(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex((server.HOST, port)) == 0
