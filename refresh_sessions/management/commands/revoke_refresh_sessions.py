"""``manage.py revoke_refresh_sessions``: revokes sessions during an incident."""

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
    """Revokes the active sessions of some users or of all users."""

    help = (
        "Revokes the device sessions of some users or of all users. Their refresh tokens are "
        "refused at once, their access tokens as ACCESS_TOKEN_CHECK says."
    )

    # The keyword of Django's own commands against prompts.
    stealth_options = ("interactive",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Define the options."""
        # Not required=True: call_command would then pass each argument on as text.
        users = parser.add_mutually_exclusive_group()
        users.add_argument(
            "--user",
            dest="users",
            action="extend",
            nargs="+",
            metavar="USER",
            help="User name, or else primary key. Can be repeated.",
        )
        users.add_argument(
            "--all",
            dest="all_users",
            action="store_true",
            help="Revoke all active sessions of all users.",
        )
        parser.add_argument(
            "--reason",
            type=reason,
            default=RevokedReason.ADMIN.value,
            help=f"The stored reason of the revocation, up to {REASON_LENGTH} characters. "
            f"Default: {RevokedReason.ADMIN.value}.",
        )
        parser.add_argument(
            "--no-input",
            "--noinput",
            action="store_true",
            help="Do not ask for confirmation of --all.",
        )

    def usage_problem(self, options: Mapping[str, Any]) -> str | None:
        """Require exactly one of --user and --all."""
        if options["users"] and options["all_users"]:
            return "argument --all: not allowed with argument --user"
        if not options["users"] and not options["all_users"]:
            return "one of the arguments --user --all is required"
        return None

    def handle(self, *args: Any, **options: Any) -> None:
        """Revoke the sessions and print their number."""
        ask = options.get("interactive", True) and not options["no_input"]
        try:
            if options["all_users"]:
                self._revoke_all(reason=options["reason"], ask=ask)
            else:
                self._revoke_of(options["users"], reason=options["reason"])
        except DatabaseBusyError as error:
            raise CommandError(
                "The database is busy. Some sessions are revoked, others not; please run this "
                "again."
            ) from error

    def _revoke_all(self, *, reason: str, ask: bool) -> None:
        if ask:
            self._confirm()
        revoked = revoke_sessions(DeviceSession.objects.unended(), reason=reason)
        self.stdout.write(f"Revoked {_describe_sessions(revoked)}.")

    def _confirm(self) -> None:
        if not sys.stdin.isatty():
            raise CommandError("--all requires --no-input without a terminal.")
        answer = input("This revokes all sessions of all users. Type 'yes' to continue: ")
        if answer.strip() != "yes":
            raise CommandError("No session was revoked.")

    def _revoke_of(self, names: Iterable[object], *, reason: str) -> None:
        # Find all users first, so that a wrong name revokes nothing.
        users = {user.pk: user for user in map(_find, names)}
        for user in users.values():
            revoked = revoke_user_sessions(user, reason=reason)
            # Name and key: the argument may be the name of one user and the key of another.
            self.stdout.write(
                f"Revoked {_describe_sessions(revoked)} of {user.get_username()} "
                f"(primary key {user.pk})."
            )


def reason(text: str) -> str:
    """Read the reason of a revocation.

    Raises:
        ArgumentTypeError: the reason is empty, too long, or not one line of text.

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
        raise CommandError(f"{no_user(name)} No session was revoked.")
    return user


def _describe_sessions(number: int) -> str:
    return f"{number} session" if number == 1 else f"{number} sessions"
