"""``python manage.py demo``."""

from __future__ import annotations

import socket
import sys
import time
from argparse import ArgumentParser
from contextlib import closing
from io import TextIOWrapper
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from example_project.demo import server
from example_project.demo.http import HTTPClient
from example_project.demo.runner import Runner
from example_project.demo.scenario import STEPS, Scenario, StepFailedError
from example_project.demo.screen import Screen

USERNAME: Final = "demo"
STAFF: Final = "admin"
# Public, so for this demo only.
PASSWORD: Final = "demo-password"  # noqa: S105

DEMO_SETTINGS: Final = "example_project.demo.settings"
USUAL_PORT: Final = 8000


class Command(BaseCommand):
    """Prepares the database, runs the scenario against a server, and optionally serves on."""

    help = "Runs a scenario of device sessions over HTTP and checks every answer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the options."""
        parser.add_argument(
            "--serve",
            action="store_true",
            help="After the scenario, serve with the default lifetimes until Ctrl-C.",
        )
        parser.add_argument(
            "--port",
            type=int,
            help=f"The port of --serve. Default: {USUAL_PORT}, or a free port if it is in use.",
        )

    def handle(self, *, serve: bool, port: int | None, **options: Any) -> None:
        """Run the scenario; an unexpected answer is an error."""
        if not settings.DEBUG:
            raise CommandError(
                "The demo creates a superuser with a public password. It requires DJANGO_DEBUG."
            )
        if isinstance(sys.stdout, TextIOWrapper):
            # Print a question mark for arrows that the encoding lacks.
            sys.stdout.reconfigure(errors="replace")
        self.screen = Screen(self.stdout, self.style)
        try:
            self.prepare()
            self.run_scenario()
            if serve:
                self.serve(port or _free_port())
        except server.ServerDidNotStartError:
            raise CommandError("The server did not start.") from None
        except StepFailedError as failure:
            raise CommandError(str(failure)) from None
        except KeyboardInterrupt:
            self.screen.line()
            raise CommandError("Interrupted.", returncode=130) from None

    def prepare(self) -> None:
        """Migrate the database and create the two users of the scenario."""
        call_command("migrate", verbosity=0, interactive=False)
        _ensure_users()
        database = f"{connection.display_name}, {connection.settings_dict['NAME']}"
        self.screen.line(f"Database migrated: {database}")
        self.screen.line(f"Users: {USERNAME}, and {STAFF} for the Django admin")
        # The server process opens its own connections.
        connection.close()

    def run_scenario(self) -> None:
        """Run the scenario against a server with short lifetimes."""
        began = time.monotonic()
        with server.running(DEMO_SETTINGS) as running:
            self.screen.line(f"Server: {running.address}, until the scenario ends")
            runner = Runner(HTTPClient(server.HOST, running.port), self.screen)
            Scenario(runner, username=USERNAME, staff=STAFF, password=PASSWORD).run()
        self.screen.line()
        self.screen.line(
            f"✓ {len(STEPS)} steps, {runner.passed} expectations, all met, "
            f"in {time.monotonic() - began:.0f} seconds.",
            self.style.SUCCESS,
        )

    def serve(self, port: int) -> None:
        """Serve with the settings of the example project until Ctrl-C."""
        with server.running(settings.SETTINGS_MODULE, port=port) as running:
            self._show_addresses(running.address)
            try:
                running.wait()
            except KeyboardInterrupt:
                self.screen.line()
                return
        raise CommandError("The server has stopped.")

    def _show_addresses(self, base: str) -> None:
        self.screen.line()
        self.screen.line("Serving with the default lifetimes until Ctrl-C.")
        for title, address in (
            ("Admin", f"{base}/admin/  ({STAFF}, {PASSWORD})"),
            ("Devices", f"{base}/devices/  ({USERNAME}, {PASSWORD})"),
            ("Login", f"{base}/auth/login/  ({USERNAME}, {PASSWORD})"),
            ("Call", f"{base}/api/me/"),
        ):
            self.screen.line(f"  {title:<9}{address}")


def _ensure_users() -> None:
    """Create the two users unless an earlier demo has created them."""
    known = User.objects.in_bulk([USERNAME, STAFF], field_name="username")
    # Checked before any change: these may be real accounts in a real database.
    for username, user in known.items():
        if not (user.is_active and user.check_password(PASSWORD)):
            raise CommandError(
                f"The user {username!r} exists and was not created by the demo. "
                "Name another database in DATABASE_URL."
            )
    if USERNAME not in known:
        User.objects.create_user(USERNAME, password=PASSWORD)
    if STAFF not in known:
        User.objects.create_superuser(STAFF, password=PASSWORD)


def _free_port() -> int:
    """The usual port, or any free port if it is in use."""
    with closing(socket.socket()) as probe:
        is_used = probe.connect_ex((server.HOST, USUAL_PORT)) == 0
    return server.ANY_PORT if is_used else USUAL_PORT
