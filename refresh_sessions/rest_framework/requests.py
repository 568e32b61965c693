"""The request of an endpoint: its body is bounded, read once, and parsed when it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any, Final

from django.conf import settings as django_settings
from django.http import HttpRequest, QueryDict, UnreadablePostError
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import Portable
from refresh_sessions.redaction import hide, hide_within, mask_values

MAX_BODY: Final = 131_072
"""Bytes of a body. The largest of ours has a ticket and a credential, each with its own limit."""


class BodyTooLarge(Portable, APIException):
    """The body has more than ``MAX_BODY`` bytes, or than ``DATA_UPLOAD_MAX_MEMORY_SIZE``."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = _("The request body is too large.")
    default_code = "body_too_large"


class BoundedRequest(Request):
    """REST framework's request; its body is read by ``read_body`` alone.

    REST framework takes a body without Content-Length for an empty one, and hands one with a wrong
    Content-Length on to Django, which answers in HTML. Here the header decides only what is
    refused unread; what is read is bounded by itself.
    """

    negotiator: BaseContentNegotiation
    parsers: Sequence[BaseParser]
    _raw: bytes | None = None
    """Hidden, as everything that comes of it."""

    def read_body(self) -> None:
        """Read the body, of which no more than the limit gets into memory.

        Raises:
            BodyTooLarge: the header or the body itself exceeds the limit.
            ParseError: the connection broke.

        """
        self._raw = _read(self._request)
        _discard_body(self._request)

    @cached_property
    def parsed(self) -> Any:
        """The content of the body; an empty body is an empty object.

        Raises:
            ParseError: it is malformed.
            UnsupportedMediaType: it is of a type that the view does not take.

        """
        if self._raw is None:
            self.read_body()
        if not self._raw:
            return {}
        parser = self.negotiator.select_parser(self, self.parsers)
        if parser is None:
            raise UnsupportedMediaType(self.content_type)
        shown = _shown_names()
        # Nowhere a local variable: it would show what has been parsed before it is hidden.
        return hide_within(
            parser.parse(BytesIO(self._raw), self.content_type, self.parser_context), shown=shown
        )

    @property
    def data(self) -> dict[str, Any]:
        """The content of the body for those who report it: a mask stands for what may be secret.

        Error trackers and profilers read it from every request of REST framework. The views have
        ``parsed``.
        """
        return mask_values(self.parsed, shown=_shown_names())


def _read(request: HttpRequest) -> bytes:
    limit = _limit()
    if _declared_length(request) > limit:
        raise BodyTooLarge
    try:
        # A middleware may have read it before.
        body = hide(request.body if hasattr(request, "_body") else request.read(limit + 1))
    except UnreadablePostError:
        raise ParseError from None
    if len(body) > limit:
        raise BodyTooLarge
    return body


def _discard_body(request: HttpRequest) -> None:
    """Leave nothing of the body where others look for it, if a middleware has had it read."""
    if hasattr(request, "_body"):
        request._body = b""  # noqa: SLF001
    if hasattr(request, "_post"):
        request.POST = QueryDict(encoding=request.encoding)


def _shown_names() -> tuple[str, ...]:
    settings = get_settings()
    renamed = (settings.field_name("username"), settings.field_name("device_name"))
    return (*renamed, "name", "token_type_hint")


def _limit() -> int:
    of_project: int | None = django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return MAX_BODY if of_project is None else min(MAX_BODY, of_project)


def _declared_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
