"""The views of the pages; projects may subclass them and use other URLs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

from django.conf import settings as django_settings
from django.contrib.auth import logout
from django.core.paginator import Paginator
from django.db import router
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from refresh_sessions.devices import get_place, name_device, read_device, shorten
from refresh_sessions.models import DeviceSession, RevokedReason
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.naturaltime import naturaltime
from refresh_sessions.pages.base import DevicesPage, ReauthenticationPage
from refresh_sessions.pages.forms import RenameForm
from refresh_sessions.sessions import revoke_session, revoke_user_sessions
from refresh_sessions.sessions.queries import last_used_first, own_live_sessions
from refresh_sessions.transports import clear_cookies

__all__ = [
    "DevicesPage",
    "RenameSessionView",
    "RevokeOtherSessionsView",
    "RevokeSessionView",
    "SessionListView",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow:
    """One device in the list. A browser that only has Django's login has no ``session``."""

    name: str
    """The name that the user gave, otherwise the description from the user agent."""
    device: str
    """The description from the user agent if ``name`` differs, otherwise empty."""
    kind: str
    place: str
    ip_address: str | None
    session: DeviceSession | None = None
    signed_in_at: datetime | None = None
    last_used_at: datetime | None = None
    is_bound: bool = False
    """Whether the session works only with a key of the device."""

    @classmethod
    def of_session(cls, session: DeviceSession) -> Self:
        """The row of a device session."""
        name, device = shorten(session.name), session.device
        return cls(
            name=name or device or gettext("Unknown device"),
            device=device if name and name != device else "",
            kind=session.kind,
            place=session.place,
            ip_address=session.ip_address,
            session=session,
            signed_in_at=session.created_at,
            last_used_at=session.last_used_at,
            is_bound=session.bound is not None,
        )

    @classmethod
    def of_request(cls, request: HttpRequest) -> Self:
        """The row of the browser that sent the request, from its headers."""
        device = read_device(request)
        return cls(
            name=name_device(device.user_agent, device.hints) or gettext("Unknown device"),
            device="",
            kind=device.kind,
            place=get_place(device.ip_address),
            ip_address=device.ip_address,
        )

    @property
    def last_used(self) -> str:
        """The relative time of the last use."""
        now = timezone.now()
        # Never in the future, even if the clocks of server and database differ.
        return naturaltime(min(self.last_used_at or now, now), now=now)


PAGE_LENGTH: Final = 50


class SessionListView(DevicesPage):
    """The list of devices: the current one, then the others, the last used first."""

    template_name = "refresh_sessions/session_list.html"
    paginate_by = PAGE_LENGTH
    http_method_names = ("get", "head", "options")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the list; ``?page=2`` shows the next devices."""
        paginator = Paginator(self.get_others(), self.paginate_by)
        page = paginator.get_page(request.GET.get("page"))
        context = self.get_context_data(
            current=self.describe_current(),
            others=[DeviceRow.of_session(session) for session in page],
            page_obj=page,
        )
        return self.render_to_response(context)

    def describe_current(self) -> DeviceRow:
        """The row of this browser, with or without a device session."""
        if self.current_session is None:
            return DeviceRow.of_request(self.request)
        return DeviceRow.of_session(self.current_session)

    def get_others(self) -> DeviceSessionQuerySet:
        """The live sessions except the current one."""
        others = own_live_sessions(self.owner)
        if self.current_session is not None:
            others = others.exclude(pk=self.current_session.pk)
        return last_used_first(others)


class OneSessionPage(DevicesPage):
    """A page about the session whose id is in the URL."""

    def find_session(self, session_id: UUID) -> DeviceSession | None:
        """The live session, or None if it has ended.

        Raises:
            Http404: the user has no session with this id (ASVS 8.2.2).

        """
        session = own_live_sessions(self.owner).filter(pk=session_id).first()
        if session is not None:
            return session
        using = router.db_for_write(DeviceSession)
        ended = DeviceSession.objects.using(using).for_user(self.owner).filter(pk=session_id)
        if not ended.exists():
            raise Http404
        return None

    def show_already_revoked(self) -> HttpResponse:
        """Redirect to the list with a message and without an error."""
        return self.back_to_list(gettext("That device was already signed out."))


class RenameSessionView(OneSessionPage):
    """Renames a device."""

    template_name = "refresh_sessions/rename.html"
    form_class = RenameForm
    http_method_names = ("get", "head", "options", "post")

    def get(
        self, request: HttpRequest, session_id: UUID, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the form."""
        session = self.find_session(session_id)
        if session is None:
            return self.show_already_revoked()
        return self.show(session, self.form_class(initial={"name": session.name}))

    def post(
        self, request: HttpRequest, session_id: UUID, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Rename the device if its session is live."""
        session = self.find_session(session_id)
        form = self.form_class(request.POST)
        if session is not None and not form.is_valid():
            return self.show(session, form)
        # Update only this column: a concurrent request may revoke the session.
        live = own_live_sessions(self.owner).filter(pk=session_id)
        if session is None or not live.update(name=form.cleaned_data["name"]):
            return self.show_already_revoked()
        return self.back_to_list(gettext("The device has been renamed."))

    def show(self, session: DeviceSession, form: RenameForm) -> HttpResponse:
        """Show the form, with its errors if there are any."""
        row = DeviceRow.of_session(session)
        return self.render_to_response(self.get_context_data(form=form, row=row))


class RevokeSessionView(ReauthenticationPage, OneSessionPage):
    """Logs a device out; logging out the current one requires no re-authentication."""

    session: DeviceSession

    def get(
        self, request: HttpRequest, session_id: UUID, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the confirmation."""
        return self.show_already_revoked() if self.has_ended(session_id) else self.show()

    def post(
        self, request: HttpRequest, session_id: UUID, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Revoke the session, after re-authentication if required."""
        if self.has_ended(session_id):
            return self.show_already_revoked()
        answer = self.require_reauthentication()
        if answer is not None:
            return answer
        return self.sign_out_here() if self.is_current() else self.revoke_other()

    def has_ended(self, session_id: UUID) -> bool:
        """Whether the session has ended; sets ``session`` if it is live."""
        session = self.find_session(session_id)
        if session is not None:
            self.session = session
        return session is None

    def is_current(self) -> bool:
        """Whether the session is that of this browser."""
        return self.session == self.current_session

    def needs_reauthentication(self) -> bool:
        """Whether re-authentication is required; never for the current device."""
        return not self.is_current() and super().needs_reauthentication()

    def describe_question(self) -> dict[str, Any]:
        """The texts of the confirmation, with the name of the device."""
        row = DeviceRow.of_session(self.session)
        text = gettext("You will have to sign in again on that device.")
        if self.is_current():
            text = gettext("You are using this device now. You will have to sign in again.")
        heading = gettext("Sign out %(device)s?") % {"device": row.name}
        return {"heading": heading, "text": text, "button": gettext("Sign out"), "row": row}

    def revoke_other(self) -> HttpResponse:
        """Revoke the session of another device."""
        ended = revoke_session(
            self.session, reason=RevokedReason.USER, by=self.owner, request=self.request
        )
        if not ended:
            return self.show_already_revoked()
        device = DeviceRow.of_session(self.session).name
        return self.back_to_list(gettext("%(device)s has been signed out.") % {"device": device})

    def sign_out_here(self) -> HttpResponse:
        """Revoke the session of this device and log out of Django's login."""
        revoke_session(
            self.session, reason=RevokedReason.LOGOUT, by=self.owner, request=self.request
        )
        logout(self.request)
        response = redirect(django_settings.LOGOUT_REDIRECT_URL or self.get_login_url())
        clear_cookies(self.request, response)
        return response


class RevokeOtherSessionsView(ReauthenticationPage):
    """Logs out all other devices of the user."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the confirmation."""
        return self.show()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Revoke all other sessions, after re-authentication if required."""
        answer = self.require_reauthentication()
        if answer is not None:
            return answer
        ended = revoke_user_sessions(
            self.owner,
            keep=self.current_session,
            reason=RevokedReason.USER,
            by=self.owner,
            request=self.request,
        )
        if not ended:
            return self.back_to_list(gettext("You were not signed in anywhere else."))
        text = ngettext(
            "%(count)d other device has been signed out.",
            "%(count)d other devices have been signed out.",
            ended,
        )
        return self.back_to_list(text % {"count": ended})

    def describe_question(self) -> dict[str, Any]:
        """The texts of the confirmation, with the number of devices."""
        others = own_live_sessions(self.owner)
        if self.current_session is not None:
            others = others.exclude(pk=self.current_session.pk)
        count = others.count()
        text = ngettext(
            "You will have to sign in again on %(count)d other device.",
            "You will have to sign in again on %(count)d other devices.",
            count,
        )
        return {
            "heading": gettext("Sign out everywhere else?"),
            "text": text % {"count": count},
            "button": gettext("Sign out everywhere else"),
        }
