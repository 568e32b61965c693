"""Calling the commands, and what may answer."""

import sys
from datetime import timedelta
from io import StringIO

from django.core.management import call_command

from refresh_sessions.exceptions import DatabaseBusyError

HARD = timedelta(days=7)
MOMENT = timedelta(microseconds=1)


class Terminal(StringIO):
    """A person sits in front of it."""

    def isatty(self) -> bool:
        return True


def prune(*arguments, stdout=None) -> str:
    out = stdout or StringIO()
    call_command("prune_refresh_sessions", *arguments, stdout=out)
    return out.getvalue()


def revoke(*arguments) -> str:
    out = StringIO()
    call_command("revoke_refresh_sessions", *arguments, stdout=out)
    return out.getvalue()


def busy(*args, **kwargs):
    raise DatabaseBusyError


def answering(monkeypatch, answer) -> list[str]:
    """Put a person at the terminal who answers all questions like this."""
    questions: list[str] = []

    def ask(question):
        questions.append(question)
        return answer

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", ask)
    return questions
