"""Helpers that call the commands and answer their questions."""

import sys
from datetime import timedelta
from io import StringIO

from django.core.management import call_command

from refresh_sessions.exceptions import DatabaseBusyError

HARD = timedelta(days=7)
MOMENT = timedelta(microseconds=1)


class Terminal(StringIO):
    """An interactive terminal."""

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
    """Give this answer to all questions at an interactive terminal; return the questions."""
    questions: list[str] = []

    def ask(question):
        questions.append(question)
        return answer

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", ask)
    return questions
