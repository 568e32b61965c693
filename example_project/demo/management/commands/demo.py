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
from example_project.demo.http import Wire
from example_project.demo.screen import Screen
from example_project.demo.stage import Stage
from example_project.demo.story import STEPS, StepFailedError, Story

PERSON: Final = "demo"
STAFF: Final = "admin"
# Known to everybody, and therefore of no use but here.
PASSWORD: Final = "demo-password"  # noqa: S105

DEMO_SETTINGS: Final = "example_project.demo.settings"
USUAL_PORT: Final = 8000


class Command(BaseCommand):
    """Prepares the database, plays the story against a server, and may go on serving."""

    help = "Plays the life of some device sessions over HTTP and checks every answer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Two options, both about what comes after the story."""
        parser.add_argument(
            "--serve",
            action="store_true",
            help="go on serving afterwards, with the ordinary lifetimes, until Ctrl-C",
        )
        parser.add_argument(
            "--port",
            type=int,
            help=f"where to serve afterwards (default: {USUAL_PORT}, or any if that is taken)",
        )

    def handle(self, *, serve: bool, port: int | None, **options: Any) -> None:
        """Play the story; end with an error if it goes otherwise than told."""
        if not settings.DEBUG:
            raise CommandError(
                "The demo makes a superuser whose password everybody knows. "
                "It runs with DJANGO_DEBUG on only."
            )
        if isinstance(sys.stdout, TextIOWrapper):
            # Where there is no arrow, a question mark has to do.
            sys.stdout.reconfigure(errors="replace")
        self.screen = Screen(self.stdout, self.style)
        try:
            self.prepare()
            self.play()
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
        """Bring the database up to date and make the two people of the story."""
        call_command("migrate", verbosity=0, interactive=False)
        _ensure_people()
        database = f"{connection.display_name}, {connection.settings_dict['NAME']}"
        self.screen.line(f"Database migrated: {database}")
        self.screen.line(f"People: {PERSON}, and {STAFF} for the Django admin")
        # The server has connections of its own.
        connection.close()

    def play(self) -> None:
        """Play the story against a server with short lifetimes."""
        began = time.monotonic()
        with server.running(DEMO_SETTINGS) as running:
            self.screen.line(f"Server: {running.address}, until the story ends")
            stage = Stage(Wire(server.HOST, running.port), self.screen)
            Story(stage, person=PERSON, staff=STAFF, password=PASSWORD).play()
        self.screen.line()
        self.screen.line(
            f"✓ {len(STEPS)} steps, {stage.kept} expectations, all met, "
            f"in {time.monotonic() - began:.0f} seconds.",
            self.style.SUCCESS,
        )

    def serve(self, port: int) -> None:
        """Serve with the example's ordinary settings until Ctrl-C."""
        with server.running(settings.SETTINGS_MODULE, port=port) as running:
            self._show_addresses(running.address)
            try:
                running.wait()
            except KeyboardInterrupt:
                self.screen.line()
                return
        raise CommandError("The server has ended.")

    def _show_addresses(self, base: str) -> None:
        self.screen.line()
        self.screen.line("Serving with the ordinary lifetimes. Ctrl-C ends it.")
        for what, address in (
            ("Admin", f"{base}/admin/  ({STAFF}, {PASSWORD})"),
            ("Devices", f"{base}/devices/  ({PERSON}, {PASSWORD})"),
            ("Sign in", f"{base}/auth/login/  ({PERSON}, {PASSWORD})"),
            ("Call", f"{base}/api/me/"),
        ):
            self.screen.line(f"  {what:<9}{address}")


def _ensure_people() -> None:
    """Make the two people, or find them as an earlier demo has left them."""
    known = User.objects.in_bulk([PERSON, STAFF], field_name="username")
    # Before anything is made: these may be real accounts, in a database for real things.
    for username, user in known.items():
        if not (user.is_active and user.check_password(PASSWORD)):
            raise CommandError(
                f"There is a user {username!r} already, and it is not the demo's. "
                "Name another database in DATABASE_URL."
            )
    if PERSON not in known:
        User.objects.create_user(PERSON, password=PASSWORD)
    if STAFF not in known:
        User.objects.create_superuser(STAFF, password=PASSWORD)


def _free_port() -> int:
    """The usual port, unless somebody listens there."""
    with closing(socket.socket()) as probe:
        taken = probe.connect_ex((server.HOST, USUAL_PORT)) == 0
    return server.ANY_PORT if taken else USUAL_PORT
