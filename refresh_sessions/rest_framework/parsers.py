"""Parsers and content negotiation: JSON requests and responses; bad input never causes a 500.

Bodies must be UTF-8 (RFC 8259 §8.1). Some of Python's codecs take quadratic time, so the client
must not choose the codec.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO, Any, Final

from django.core.exceptions import SuspiciousOperation
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser, FormParser, JSONParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from refresh_sessions.redaction import hide_within

_ENCODING: Final = {"encoding": "utf-8"}
_NAMES_OF_UTF8: Final = frozenset({"", "utf-8", "utf8"})


class StrictJSONParser(JSONParser):
    """A JSON parser that answers 400 for a body nested beyond Python's recursion limit."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Parse the body.

        Raises:
            ParseError: the body is not JSON, or nested too deep.

        """
        try:
            return super().parse(stream, media_type, _ENCODING)
        except RecursionError:
            raise ParseError(_("JSON parse error - nested too deeply.")) from None


class StrictFormParser(FormParser):
    """The form parser of the OAuth endpoints; refuses repeated fields."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Parse the body.

        Raises:
            ParseError: the body is not a form, or has a field twice (RFC 6749 §3.2).

        """
        try:
            form = hide_within(dict(super().parse(stream, media_type, _ENCODING).lists()))
        except (ValueError, SuspiciousOperation):
            raise ParseError(_("Form parse error.")) from None
        if any(len(values) > 1 for values in form.values()):
            raise ParseError(_("Form parse error - a field was sent more than once."))
        return {name: values[0] for name, values in form.items()}


class JSONOnly(BaseContentNegotiation):
    """Content negotiation that ignores the ``Accept`` header and responds with JSON."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """The parser for the request's content type, or None for an unsupported one."""
        parameters = request._request.content_params or {}
        if parameters.get("charset", "").strip().lower() not in _NAMES_OF_UTF8:
            return None
        content_type = request.content_type.partition(";")[0].strip().lower()
        return next((p for p in parsers if p.media_type == content_type), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The first renderer; the views have only one."""
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)
