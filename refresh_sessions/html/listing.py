"""The list of devices."""

from __future__ import annotations

from typing import Any, Final

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse

from refresh_sessions.html.base import DevicesPage
from refresh_sessions.html.rows import DeviceRow
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.sessions.listing import last_used_first, own_live_sessions

PAGE_LENGTH: Final = 50


class SessionListView(DevicesPage):
    """Where a person is signed in: here, and elsewhere, the last used first."""

    template_name = "refresh_sessions/session_list.html"
    paginate_by = PAGE_LENGTH
    http_method_names = ("get", "head", "options")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the page; ``?page=2`` has the next devices."""
        paginator = Paginator(self.get_others(), self.paginate_by)
        page = paginator.get_page(request.GET.get("page"))
        context = self.get_context_data(
            current=self.describe_current(),
            others=[DeviceRow.of_session(session) for session in page],
            page_obj=page,
        )
        return self.render_to_response(context)

    def describe_current(self) -> DeviceRow:
        """The row of this very browser, whether or not it has a device session."""
        if self.current_session is None:
            return DeviceRow.of_request(self.request)
        return DeviceRow.of_session(self.current_session)

    def get_others(self) -> DeviceSessionQuerySet:
        """The live sessions but the current one."""
        others = own_live_sessions(self.owner)
        if self.current_session is not None:
            others = others.exclude(pk=self.current_session.pk)
        return last_used_first(others)
