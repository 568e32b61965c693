"""The filtered list of events as a download."""

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
    """A button on the list, and the address behind it."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        # Before Django's own, the last of which takes any path.
        return [path("export/", view, name=self._export_name()), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        address = reverse(f"admin:{self._export_name()}", current_app=self.admin_site.name)
        return super().changelist_view(request, {"export_url": address, **(extra_context or {})})

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with all events that the list would show on its pages, as CSV.

        What goes wrong from here to the first row answers with an error. Afterwards the status has
        been sent, and the connection is broken off: a file that ends early must not look whole.
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
        # Each kind of server takes the other kind of iterator only by holding the whole of it.
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
    """The same pieces for an asynchronous server, each made in the request's own thread."""

    def __init__(self, pieces: Generator[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = sync_to_async(lambda: next(self._pieces, None))
        while (piece := await read()) is not None:
            yield piece

    def close(self) -> None:
        """Called with the end of the response, however that came about."""
        self._pieces.close()


def _pieces(export: EventExport, request: HttpRequest) -> Generator[bytes]:
    end = "broke off"
    try:
        for text in export:
            # Half a surrogate pair, which some databases store, ought not to end the download.
            yield text.encode(errors="replace")
        end = "ended"
    finally:
        _log(request, "%s after %d events", end, export.written)


def _log(request: HttpRequest, what: str, *details: object) -> None:
    # A "sensitive_read" in the words of OWASP's vocabulary for logs, of level WARN. The filter is
    # still encoded as in the address, so that nobody writes lines of their own into the log.
    message = f"Export of session events to user %s {what}"
    security_logger.warning(message, request.user.pk, *details)


def _file_name() -> str:
    return f"session-events-{timezone.localdate():%Y-%m-%d}.csv"
