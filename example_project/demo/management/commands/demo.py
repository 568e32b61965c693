"""``python manage.py demo``."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from io import TextIOWrapper
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from example_project.demo import modes, server
from example_project.demo.accounts import (
    PASSWORD,
    STAFF,
    USERNAME,
    AccountTakenError,
    ensure_accounts,
)
from example_project.demo.http import HTTPClient
from example_project.demo.runner import Runner
from example_project.demo.scenario import STEPS, Scenario, StepFailedError
from example_project.demo.screen import Screen
from example_project.demo.seeds import seed
from refresh_sessions.models import DeviceSession

DEMO_SETTINGS: Final = "example_project.demo.settings"


class Command(BaseCommand):
    """Prepares the database, then runs the scenario against a server, or serves the page."""

    help = (
        "Runs a scenario of device sessions over HTTP and checks every answer. "
        "With --serve: a page with three tabs and an attacker."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the options."""
        parser.add_argument(
            "--serve",
            action="store_true",
            help="Serve a page with three tabs and an attacker until Ctrl-C.",
        )
        parser.add_argument(
            "--port",
            type=int,
            help="The port of --serve. "
            f"Default: {modes.USUAL_PORT}, or a free port if it is in use.",
        )

    def handle(self, *, serve: bool, port: int | None, verbosity: int, **options: Any) -> None:
        """Run the scenario or serve; an unexpected answer is an error."""
        if not settings.DEBUG:
            raise CommandError(
                "The demo creates a superuser with a public password. It requires DJANGO_DEBUG."
            )
        if isinstance(sys.stdout, TextIOWrapper):
            # Print a question mark for arrows that the encoding lacks.
            sys.stdout.reconfigure(errors="replace")
        self.screen = Screen(self.stdout, self.style, with_bodies=verbosity > 1)
        try:
            self.prepare()
            if serve:
                self.serve(port)
            else:
                self.run_scenario()
        except AccountTakenError as error:
            raise CommandError(str(error)) from None
        except server.ServerDidNotStartError as error:
            raise CommandError(f"The server did not start. {error}".rstrip()) from None
        except StepFailedError as failure:
            raise CommandError(str(failure)) from None
        except KeyboardInterrupt:
            self.screen.line()
            raise CommandError("Interrupted.", returncode=130) from None

    def prepare(self) -> None:
        """Migrate the database; create the two accounts and the seeds."""
        call_command("migrate", verbosity=0, interactive=False)
        ensure_accounts()
        seed()
        database = f"{connection.display_name}, {connection.settings_dict['NAME']}"
        counts = f"{User.objects.count()} users, {DeviceSession.objects.count()} sessions"
        self.screen.line(f"Database: {database}: {counts}")
        self.screen.line(f"Accounts: {USERNAME}, and {STAFF} for the Django admin")
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

    def serve(self, port: int | None) -> None:
        """Serve the page in each mode until Ctrl-C."""
        with modes.running(port) as running:
            self._show_addresses(running.address)
            try:
                running.wait()
            except KeyboardInterrupt:
                self.screen.line()
                return
        raise CommandError("The server has stopped.")

    def _show_addresses(self, base: str) -> None:
        self.screen.line()
        self.screen.line(f"Open {base}/ for three tabs and an attacker.", self.style.SUCCESS)
        self.screen.line()
        for title, path, account in (
            ("Devices", "/devices/", USERNAME),
            ("Admin", "/admin/", STAFF),
            ("API", "/api/me/", USERNAME),
        ):
            self.screen.line(f"  {title:<9}{base}{path}  ({account}, {PASSWORD})")
        self.screen.line("Serving until Ctrl-C.")
