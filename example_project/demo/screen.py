"""Output of the demo: requests, answers, and the result of each expectation."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from django.core.management.base import OutputWrapper
from django.core.management.color import Style

from example_project.demo.http import Answer, Request

_NAME_WIDTH: Final = 13
_WIDEST: Final = 110
_CALL_WIDTH: Final = 32
_TOKENS: Final = ("access", "refresh")
_KEY: Final = re.compile(r"([0-9a-f]{8})-[0-9a-f-]{27}")
_TOKEN: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
_TITLE: Final = re.compile(r"<title>(.*?)</title>", re.DOTALL)
_BETWEEN_FIELDS: Final = re.compile(r"(?<=,) (?=\")")
_SECRETS: Final = frozenset({"password", "csrfmiddlewaretoken"})


class Screen:
    """Prints the scenario, in colour on a terminal with colours."""

    def __init__(self, stdout: OutputWrapper, style: Style, *, with_bodies: bool = False) -> None:
        self._with_bodies = with_bodies
        self._stdout = stdout
        self._style = style
        self._width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)

    def line(self, text: str = "", style: Callable[[str], str] = str) -> None:
        """Print one line and flush it, so that the reader sees each wait."""
        self._stdout.write(style(text))
        self._stdout.flush()

    def headline(self, number: int, text: str, explanation: str) -> None:
        """Print the heading and the explanation of a step."""
        self.line()
        self.line(f"{number}. {text}", self._style.MIGRATE_HEADING)
        for line in textwrap.wrap(explanation, self._width - 3):
            self.line(f"   {line}")

    def request(self, who: str, request: Request) -> None:
        """Print a request before it is sent, with bodies only."""
        if not self._with_bodies:
            return
        parts = [f"{request.method} {request.path}"]
        if request.access is not None:
            parts.append(f"Authorization: Bearer {shorten(request.access)}")
        if request.data is not None:
            parts.append(_format_data(request))
        self._print(who, "→", *parts)

    def answer(self, who: str, request: Request, answer: Answer, *, name_it: bool = False) -> None:
        """Print an answer: with its request in one line, or with its body.

        Args:
            who: the client.
            request: the request.
            answer: the answer.
            name_it: whether the client is named before a body, because others answer meanwhile.

        """
        if self._with_bodies:
            self._print(who if name_it else "", "←", summarize(answer))
        else:
            self._in_one_line(who, request, outline(answer))

    def lost(self, who: str, request: Request) -> None:
        """Print that an answer was lost."""
        if self._with_bodies:
            self._print("", "←", "nothing: the connection was lost before the answer was read")
        else:
            self._in_one_line(who, request, "the answer is lost")

    def _in_one_line(self, who: str, request: Request, outcome: str) -> None:
        call = f"{request.method:<5}{_shorten_path(request.path)}"
        self.line(f"{who:>{_NAME_WIDTH}} {call:<{_CALL_WIDTH}} → {outcome}")

    def waiting(self, seconds: float, reason: str) -> None:
        """Print the length and the reason of a wait."""
        self._print("", "…", f"{seconds:.1f} s, until {reason}")

    def success(self, claim: str) -> None:
        """Print an expectation that was met."""
        self._print("", "✓", *claim.split(), style=self._style.SUCCESS)

    def failure(self, claim: str) -> None:
        """Print an expectation that was not met."""
        self._print("", "✗", *claim.split(), style=self._style.ERROR)

    def _print(self, who: str, sign: str, *parts: str, style: Callable[[str], str] = str) -> None:
        indent = " " * (_NAME_WIDTH + 3)
        first, *more = fold(parts, self._width - len(indent))
        self.line(f"{who:>{_NAME_WIDTH}} {style(f'{sign} {first}')}")
        for rest in more:
            self.line(f"{indent}{style(rest)}")


def summarize(answer: Answer) -> str:
    """Status and body; only the title of a page, only the target of a redirect."""
    if answer.json:
        return f"{answer.status} {format_json(answer.json)}"
    title = _TITLE.search(answer.text)
    page = f'page "{" ".join(title[1].split())}"' if title else ""
    return f"{answer.status} {answer.header('Location') or page}".rstrip()


def outline(answer: Answer) -> str:
    """The status with the code, or with the names of the new tokens."""
    body = answer.json
    if "code" in body:
        reason = f", {body['reason']}" if "reason" in body else ""
        return f"{answer.status} {body['code']}{reason}"
    tokens = [f"{name} {shorten(body[name])}" for name in _TOKENS if name in body]
    if tokens or body:
        return f"{answer.status} {', '.join(tokens)}".rstrip()
    return _shorten_path(summarize(answer))


def format_json(data: Mapping[str, Any]) -> str:
    """JSON with shortened tokens and hidden secrets."""
    return shorten(json.dumps(_hide_secrets(data), ensure_ascii=False))


def _format_data(request: Request) -> str:
    if request.sent_as == "json":
        return format_json(request.data or {})
    return "&".join(f"{key}={it}" for key, it in _hide_secrets(request.data or {}).items())


def _hide_secrets(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: "…" if key in _SECRETS else value for key, value in data.items()}


def _shorten_path(path: str) -> str:
    """The path with each primary key cut to its first characters."""
    return _KEY.sub(r"\1…", path).replace("/admin/refresh_sessions/", "/admin/…/")


def shorten(text: str) -> str:
    """The text with each token cut to its distinctive characters."""
    return _TOKEN.sub(lambda found: f"{found[0][:6]}…{found[0][-4:]}", text)


def fold(parts: Iterable[str], width: int) -> list[str]:
    """Break parts and JSON fields into lines of at most ``width``, if possible."""
    lines = [""]
    for piece in (piece for part in parts for piece in _BETWEEN_FIELDS.split(part)):
        longer = f"{lines[-1]} {piece}".lstrip()
        if lines[-1] and len(longer) > width:
            lines.append(piece)
        else:
            lines[-1] = longer
    return lines
