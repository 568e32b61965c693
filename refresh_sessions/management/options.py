"""Options of commands that mean the same on the command line and from ``call_command``."""

from __future__ import annotations

from argparse import Action, ArgumentError, ArgumentTypeError
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class CheckedCommand(BaseCommand):
    """Reads what ``call_command`` was given by keyword as the parser reads the command line.

    Django hands keywords on as they are: neither converted by ``type=``, nor compared with
    ``choices=``, nor made a list where the option takes several values.
    """

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Convert and check the options before anything is done.

        Raises:
            CommandError: one of them cannot be used; on the command line that is a usage error.

        """
        parser = self.create_parser("manage.py", type(self).__module__.rpartition(".")[2])
        try:
            options |= _read(parser, options)
            problem = self.usage_problem(options)
        except ArgumentError as error:
            problem = str(error)
        if problem is not None:
            parser.error(problem)
        return super().execute(*args, **options)

    def usage_problem(self, options: Mapping[str, Any]) -> str | None:
        """What is wrong with the options together, or None."""
        return None


def _read(parser: CommandParser, options: Mapping[str, Any]) -> dict[str, Any]:
    # Django's own call_command finds the options of a parser in the same way.
    actions = [action for action in parser._actions if action.dest in options]  # noqa: SLF001
    return {action.dest: _read_option(action, options[action.dest]) for action in actions}


def _read_option(action: Action, value: Any) -> Any:
    if value is None or value is action.default:
        return action.default
    if action.nargs == 0:
        # A flag has no value to convert, and the text "False" would be true.
        if not isinstance(value, bool):
            raise ArgumentError(action, "must be True or False")
        return value
    if action.nargs in {"+", "*"}:
        single = isinstance(value, str) or not isinstance(value, Iterable)
        return [_convert(action, one) for one in ([value] if single else value)]
    return _convert(action, value)


def _convert(action: Action, value: Any) -> Any:
    if callable(action.type):
        # By way of text, so that each value has one meaning: 30 is not a duration.
        try:
            value = action.type(str(value))
        except ArgumentTypeError as error:
            raise ArgumentError(action, str(error)) from None
        except (TypeError, ValueError):
            raise ArgumentError(action, f"invalid value: {value!r}") from None
    if action.choices is not None and value not in action.choices:
        choices = ", ".join(map(str, action.choices))
        raise ArgumentError(action, f"invalid choice: {value!r} (choose from {choices})")
    return value
