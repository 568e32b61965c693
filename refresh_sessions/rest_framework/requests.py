"""The request class of the endpoints: a bounded body, read once and parsed on first use."""

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
"""Maximum bytes of a body. The largest valid body has a ticket and a credential."""


class BodyTooLarge(Portable, APIException):
    """The body exceeds ``MAX_BODY`` or ``DATA_UPLOAD_MAX_MEMORY_SIZE``."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = _("The request body is too large.")
    default_code = "body_too_large"


class BoundedRequest(Request):
    """REST framework's request with a body that only ``read_body`` reads.

    REST framework treats a body without Content-Length as empty. With a wrong Content-Length
    Django answers in HTML. Here the header only allows an early refusal; the limit applies to the
    bytes that are read.
    """

    negotiator: BaseContentNegotiation
    parsers: Sequence[BaseParser]
    _raw: bytes | None = None
    """The body, wrapped with ``hide`` so that error reports do not show it."""

    def read_body(self) -> None:
        """Read the body; at most one byte more than the limit is held in memory.

        Raises:
            BodyTooLarge: Content-Length or the body exceeds the limit.
            ParseError: the connection was lost.

        """
        self._raw = _read(self._request)
        _discard_body(self._request)

    @cached_property
    def parsed(self) -> Any:
        """The parsed body; an empty body is an empty object.

        Raises:
            ParseError: the body is malformed.
            UnsupportedMediaType: the view has no parser for the content type.

        """
        if self._raw is None:
            self.read_body()
        if not self._raw:
            return {}
        parser = self.negotiator.select_parser(self, self.parsers)
        if parser is None:
            raise UnsupportedMediaType(self.content_type)
        shown = _shown_names()
        # Without a local variable, which an error report would show before it is hidden.
        return hide_within(
            parser.parse(BytesIO(self._raw), self.content_type, self.parser_context), shown=shown
        )

    @property
    def data(self) -> dict[str, Any]:
        """The body with secret values masked, for error trackers and profilers.

        They read ``data`` of every REST framework request; the views read ``parsed``.
        """
        return mask_values(self.parsed, shown=_shown_names())


def _read(request: HttpRequest) -> bytes:
    limit = _limit()
    if _declared_length(request) > limit:
        raise BodyTooLarge
    try:
        # A middleware may have read the body already.
        body = hide(request.body if hasattr(request, "_body") else request.read(limit + 1))
    except UnreadablePostError:
        raise ParseError from None
    if len(body) > limit:
        raise BodyTooLarge
    return body


def _discard_body(request: HttpRequest) -> None:
    """Clear Django's copies of the body, which exist if a middleware has read it."""
    if hasattr(request, "_body"):
        request._body = b""  # noqa: SLF001
    if hasattr(request, "_post"):
        request.POST = QueryDict(encoding=request.encoding)


def _shown_names() -> tuple[str, ...]:
    settings = get_settings()
    renamed = (settings.field_name("username"), settings.field_name("device_name"))
    return (*renamed, "name", "token_type_hint")


def _limit() -> int:
    project_limit: int | None = django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return MAX_BODY if project_limit is None else min(MAX_BODY, project_limit)


def _declared_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
