"""``manage.py revoke_refresh_sessions``: for an incident, when there is no time to click."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.management.arguments import find_user, no_user
from refresh_sessions.management.options import CheckedCommand
from refresh_sessions.models import DeviceSession, RevokedReason
from refresh_sessions.models.sessions import REASON_LENGTH
from refresh_sessions.sessions import revoke_sessions, revoke_user_sessions

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


class Command(CheckedCommand):
    """Ends the live sessions of some users, or of all."""

    help = (
        "Ends device sessions at once: those of the named users, or everybody's. Their refresh "
        "tokens are refused from then on, their access tokens as ACCESS_TOKEN_CHECK says."
    )

    # As Django's own commands are told from code that nobody can answer.
    stealth_options = ("interactive",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Define the options."""
        # Not "required", which call_command would look for among its positional arguments.
        whose = parser.add_mutually_exclusive_group()
        whose.add_argument(
            "--user",
            dest="users",
            action="extend",
            nargs="+",
            metavar="USER",
            help="User name, or else primary key. May be given more than once.",
        )
        whose.add_argument(
            "--all", dest="everybody", action="store_true", help="Sign everybody out everywhere."
        )
        parser.add_argument(
            "--reason",
            type=reason,
            default=RevokedReason.ADMIN.value,
            help=f"What the sessions' records say, up to {REASON_LENGTH} characters. "
            f"Default: {RevokedReason.ADMIN.value}.",
        )
        parser.add_argument(
            "--no-input",
            "--noinput",
            action="store_true",
            help="Do not ask whether to sign everybody out.",
        )

    def usage_problem(self, options: Mapping[str, Any]) -> str | None:
        """Users or everybody, and one of the two."""
        if options["users"] and options["everybody"]:
            return "argument --all: not allowed with argument --user"
        if not options["users"] and not options["everybody"]:
            return "one of the arguments --user --all is required"
        return None

    def handle(self, *args: Any, **options: Any) -> None:
        """End the sessions, and say how many those were."""
        ask = options.get("interactive", True) and not options["no_input"]
        try:
            if options["everybody"]:
                self._revoke_all(reason=options["reason"], ask=ask)
            else:
                self._revoke_of(options["users"], reason=options["reason"])
        except DatabaseBusyError as error:
            raise CommandError(
                "The database is busy. What has ended stays so; please run this again."
            ) from error

    def _revoke_all(self, *, reason: str, ask: bool) -> None:
        if ask:
            self._confirm()
        ended = revoke_sessions(DeviceSession.objects.unended(), reason=reason)
        self.stdout.write(f"Ended {_sessions(ended)}.")

    def _confirm(self) -> None:
        if not sys.stdin.isatty():
            raise CommandError("Signing everybody out takes --no-input where nobody can be asked.")
        answer = input("This signs everybody out, on all their devices. Type 'yes' to go on: ")
        if answer.strip() != "yes":
            raise CommandError("Nobody was signed out.")

    def _revoke_of(self, names: Iterable[object], *, reason: str) -> None:
        # All are looked up before anything ends: a typing mistake leaves everything as it was.
        users = {user.pk: user for user in map(_find, names)}
        for user in users.values():
            ended = revoke_user_sessions(user, reason=reason)
            # With both names, as the text given may be the name of one and the key of another.
            self.stdout.write(
                f"Ended {_sessions(ended)} of {user.get_username()} (primary key {user.pk})."
            )


def reason(text: str) -> str:
    """Read the reason from the command line.

    Raises:
        ArgumentTypeError: the column would not hold it, or it says nothing.

    """
    if not text.strip() or not text.isprintable():
        raise ArgumentTypeError("the reason must be a line of text")
    if len(text) > REASON_LENGTH:
        raise ArgumentTypeError(
            f"the reason has {len(text)} of at most {REASON_LENGTH} characters"
        )
    return text


def _find(name: object) -> AbstractBaseUser:
    user = find_user(name)
    if user is None:
        raise CommandError(f"{no_user(name)} Nothing ended.")
    return user


def _sessions(number: int) -> str:
    return f"{number} session" if number == 1 else f"{number} sessions"
