"""The story on a terminal or in a file: who sends what, what comes back, and if it is right."""

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
_TOKEN: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
_TITLE: Final = re.compile(r"<title>(.*?)</title>", re.DOTALL)
_BETWEEN_FIELDS: Final = re.compile(r"(?<=,) (?=\")")
_SECRETS: Final = frozenset({"password", "csrfmiddlewaretoken"})


class Screen:
    """Writes the parts of the story; in colour where the terminal has some."""

    def __init__(self, stdout: OutputWrapper, style: Style) -> None:
        self._stdout = stdout
        self._style = style
        self._width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)

    def line(self, text: str = "", style: Callable[[str], str] = str) -> None:
        """One line, at once: a watcher shall see what is waited for."""
        self._stdout.write(style(text))
        self._stdout.flush()

    def headline(self, number: int, text: str, explanation: str) -> None:
        """The beginning of a step."""
        self.line()
        self.line(f"{number}. {text}", self._style.MIGRATE_HEADING)
        for line in textwrap.wrap(explanation, self._width - 3):
            self.line(f"   {line}")

    def request(self, who: str, request: Request) -> None:
        """What is about to be sent."""
        parts = [f"{request.method} {request.path}"]
        if request.access is not None:
            parts.append(f"Authorization: Bearer {shorten(request.access)}")
        if request.data is not None:
            parts.append(_written(request))
        self._said(who, "→", *parts)

    def answer(self, answer: Answer, who: str = "") -> None:
        """What has come back."""
        self._said(who, "←", in_short(answer))

    def lost(self) -> None:
        """What has not come back."""
        self._said("", "←", "nothing: the line went dead before the answer could be read")

    def waiting(self, seconds: float, what_for: str) -> None:
        """Why nothing happens just now."""
        self._said("", "…", f"{seconds:.1f} s, until {what_for}")

    def right(self, claim: str) -> None:
        """Something is as told."""
        self._said("", "✓", *claim.split(), style=self._style.SUCCESS)

    def wrong(self, claim: str) -> None:
        """Something is not as told."""
        self._said("", "✗", *claim.split(), style=self._style.ERROR)

    def _said(self, who: str, sign: str, *parts: str, style: Callable[[str], str] = str) -> None:
        indent = " " * (_NAME_WIDTH + 3)
        first, *more = fold(parts, self._width - len(indent))
        self.line(f"{who:>{_NAME_WIDTH}} {style(f'{sign} {first}')}")
        for rest in more:
            self.line(f"{indent}{style(rest)}")


def in_short(answer: Answer) -> str:
    """Status and body; of a page only its title, of a redirect where it leads."""
    if answer.json:
        return f"{answer.status} {readable(answer.json)}"
    title = _TITLE.search(answer.text)
    page = f'page "{" ".join(title[1].split())}"' if title else ""
    return f"{answer.status} {answer.header('Location') or page}".rstrip()


def readable(data: Mapping[str, Any]) -> str:
    """JSON with tokens shortened and secrets hidden."""
    return shorten(json.dumps(_without_secrets(data), ensure_ascii=False))


def _written(request: Request) -> str:
    if request.sent_as == "json":
        return readable(request.data or {})
    return "&".join(f"{key}={it}" for key, it in _without_secrets(request.data or {}).items())


def _without_secrets(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: "…" if key in _SECRETS else value for key, value in data.items()}


def shorten(text: str) -> str:
    """The text with every token cut to what tells it from the others."""
    return _TOKEN.sub(lambda found: f"{found[0][:6]}…{found[0][-4:]}", text)


def fold(parts: Iterable[str], width: int) -> list[str]:
    """Lines of at most ``width`` where that can be, broken between parts and fields of JSON."""
    lines = [""]
    for piece in (piece for part in parts for piece in _BETWEEN_FIELDS.split(part)):
        longer = f"{lines[-1]} {piece}".lstrip()
        if lines[-1] and len(longer) > width:
            lines.append(piece)
        else:
            lines[-1] = longer
    return lines
