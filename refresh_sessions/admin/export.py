"""CSV download of the filtered list of events."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Generator
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from refresh_sessions.admin.base import AnyModelAdmin
from refresh_sessions.admin.links import changelist_url
from refresh_sessions.events.export import EventExport

security_logger = logging.getLogger("refresh_sessions.security")

CONTENT_TYPE: Final = "text/csv; charset=utf-8; header=present"


class ExportMixin(AnyModelAdmin):
    """A download button on the change list, and its view."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        # Before Django's URLs, because the last of those matches any path.
        return [path("export/", view, name=self._export_name()), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        address = reverse(f"admin:{self._export_name()}", current_app=self.admin_site.name)
        return super().changelist_view(request, {"export_url": address, **(extra_context or {})})

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """All events of the filtered list as CSV.

        Failures before the first row lead to an error response. Later failures abort the
        connection, so that a truncated file does not look complete.
        """
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            changelist: Any = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(changelist_url(self, query={ERROR_FLAG: 1}))
        pieces: Any = _pieces(EventExport(changelist.queryset), request)
        # Django buffers asynchronous iterators under WSGI, and synchronous ones under ASGI.
        if isinstance(request, ASGIRequest):
            pieces = _AsyncPieces(pieces)
        _log(request, "began, filter: %s", request.GET.urlencode() or "none")
        return StreamingHttpResponse(
            pieces,
            content_type=CONTENT_TYPE,
            headers={
                "Cache-Control": "no-store",
                "Content-Disposition": f'attachment; filename="{_file_name()}"',
            },
        )

    def _export_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_export"


class _AsyncPieces:
    """The pieces as an asynchronous iterator; each is made in the thread of the request."""

    def __init__(self, pieces: Generator[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = sync_to_async(lambda: next(self._pieces, None))
        while (piece := await read()) is not None:
            yield piece

    def close(self) -> None:
        """Close the generator; Django calls this at the end of the response, even after errors."""
        self._pieces.close()


def _pieces(export: EventExport, request: HttpRequest) -> Generator[bytes]:
    end = "broke off"
    try:
        for text in export:
            # Some databases store unpaired surrogates; they must not abort the download.
            yield text.encode(errors="replace")
        end = "ended"
    finally:
        _log(request, "%s after %d events", end, export.written)


def _log(request: HttpRequest, what: str, *details: object) -> None:
    # "sensitive_read" of the OWASP logging vocabulary, level WARN. The filter stays URL-encoded
    # against log injection.
    message = f"Export of session events to user %s {what}"
    security_logger.warning(message, request.user.pk, *details)


def _file_name() -> str:
    return f"session-events-{timezone.localdate():%Y-%m-%d}.csv"
