"""Options of commands with the same meaning on the command line and in ``call_command``."""

from __future__ import annotations

from argparse import SUPPRESS, Action, ArgumentError, ArgumentTypeError, _SubParsersAction
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class CheckedCommand(BaseCommand):
    """Converts and checks keyword arguments of ``call_command`` like the command line.

    Django passes keywords on unchanged: it applies neither ``type=`` nor ``choices=``, and makes
    no list for an option with several values.
    """

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Convert and check the options, then run the command.

        Raises:
            CommandError: an option is invalid; on the command line this is a usage error.

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
        """The problem of a combination of options, or None."""
        return None


def add_subcommand(
    parser: CommandParser, subcommands: _SubParsersAction[CommandParser], name: str, text: str
) -> CommandParser:
    """Add a sub-command that also accepts the options of ``parser``, such as ``--settings``.

    Without a copy of these options argparse accepts them only before the sub-command.

    Args:
        parser: the parser of the command.
        subcommands: the result of ``parser.add_subparsers``.
        name: the name of the sub-command.
        text: the help text of the sub-command.

    """
    subparser = subcommands.add_parser(name, help=text, description=text)
    for action in _plain_actions(parser):
        if action.option_strings and action.dest != "help":
            hidden = copy(action)
            # Without a default: it would overwrite a value from before the sub-command.
            hidden.default = hidden.help = SUPPRESS
            subparser._add_action(hidden)  # noqa: SLF001
    return subparser


def _read(parser: CommandParser, options: Mapping[str, Any]) -> dict[str, Any]:
    actions = [*_plain_actions(parser), *_subcommand_actions(parser, options)]
    return {
        action.dest: _read_option(action, options[action.dest])
        for action in actions
        if action.dest in options
    }


def _plain_actions(parser: CommandParser) -> list[Action]:
    """The arguments of a parser, without its sub-commands."""
    # Django's own call_command reads the same private attribute.
    return [action for action in parser._actions if not _has_subcommands(action)]  # noqa: SLF001


def _has_subcommands(action: Action) -> bool:
    return isinstance(action, _SubParsersAction)


def _subcommand_actions(parser: CommandParser, options: Mapping[str, Any]) -> Iterator[Action]:
    """The arguments of the chosen sub-command only.

    Raises:
        ArgumentError: an option of another sub-command is set.

    """
    common = {action.dest for action in _plain_actions(parser)}
    for subcommands in filter(_has_subcommands, parser._actions):  # noqa: SLF001
        chosen = options[subcommands.dest]
        parsers: Any = subcommands.choices
        own = [action for action in _plain_actions(parsers[chosen]) if action.dest not in common]
        yield from own
        allowed = common | {action.dest for action in own}
        for other in parsers.values():
            for action in _plain_actions(other):
                if action.dest not in allowed and options.get(action.dest) is not None:
                    raise ArgumentError(action, f"not an option of {chosen!r}")


def _read_option(action: Action, value: Any) -> Any:
    if value is None or value is action.default:
        if action.required:
            raise ArgumentError(action, "must not be None")
        return action.default
    if action.nargs == 0:
        # A flag has no type=, and the text "False" would be true.
        if not isinstance(value, bool):
            raise ArgumentError(action, "must be True or False")
        return value
    if action.nargs in {"+", "*"}:
        single = isinstance(value, str) or not isinstance(value, Iterable)
        return [_convert(action, one) for one in ([value] if single else value)]
    return _convert(action, value)


def _convert(action: Action, value: Any) -> Any:
    if callable(action.type):
        # Converted from text like on the command line: the number 30 is not a duration.
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
