"""A page about one of a person's own devices."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import router
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext

from refresh_sessions.html.base import DevicesPage
from refresh_sessions.html.forms import RenameForm
from refresh_sessions.html.rows import DeviceRow
from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions.listing import own_live_sessions


class OneSessionPage(DevicesPage):
    """For a page about the session whose id is in the address."""

    def find_session(self, session_id: UUID) -> DeviceSession | None:
        """The live session, or None if it has ended.

        Raises:
            Http404: it is another's, or there is none (ASVS 8.2.2).

        """
        session = own_live_sessions(self.owner).filter(pk=session_id).first()
        if session is not None:
            return session
        using = router.db_for_write(DeviceSession)
        ended = DeviceSession.objects.using(using).for_user(self.owner).filter(pk=session_id)
        if not ended.exists():
            raise Http404
        return None

    def say_ended_before(self) -> HttpResponse:
        """Nothing is left to do, which is no fault of anybody's."""
        return self.back_to_list(gettext("That device had been signed out before."))


class RenameSessionView(OneSessionPage):
    """Call a device by another name."""

    template_name = "refresh_sessions/rename.html"
    form_class = RenameForm
    http_method_names = ("get", "head", "options", "post")

    def get(
        self, request: HttpRequest, session_id: UUID, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the form."""
        session = self.find_session(session_id)
        if session is None:
            return self.say_ended_before()
        return self.ask(session, self.form_class(initial={"name": session.name}))

    def post(
        self, request: HttpRequest, session_id: UUID, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Rename the device, if it is still signed in."""
        session = self.find_session(session_id)
        form = self.form_class(request.POST)
        if session is not None and not form.is_valid():
            return self.ask(session, form)
        # No other column: the session may be ended at this moment.
        live = own_live_sessions(self.owner).filter(pk=session_id)
        if session is None or not live.update(name=form.cleaned_data["name"]):
            return self.say_ended_before()
        return self.back_to_list(gettext("The device has been renamed."))

    def ask(self, session: DeviceSession, form: RenameForm) -> HttpResponse:
        """Show the form, perhaps with what was wrong with it."""
        row = DeviceRow.of_session(session)
        return self.render_to_response(self.get_context_data(form=form, row=row))
