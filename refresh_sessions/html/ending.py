"""Signing out: one device, this one, or all but this one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings as django_settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, ngettext

from refresh_sessions.html.one import OneSessionPage
from refresh_sessions.html.proving import ProvingPage
from refresh_sessions.html.rows import DeviceRow
from refresh_sessions.models import DeviceSession, RevokedReason
from refresh_sessions.sessions import revoke_session, revoke_user_sessions
from refresh_sessions.sessions.listing import own_live_sessions
from refresh_sessions.transports import get_transport


class EndSessionView(ProvingPage, OneSessionPage):
    """Sign a device out. This one needs no proof: anybody may leave."""

    session: DeviceSession

    def get(
        self, request: HttpRequest, session_id: UUID, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Ask whether to sign it out."""
        return self.say_ended_before() if self.has_ended(session_id) else self.ask()

    def post(
        self, request: HttpRequest, session_id: UUID, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Sign it out."""
        if self.has_ended(session_id):
            return self.say_ended_before()
        answer = self.demand_proof()
        if answer is not None:
            return answer
        return self.end_here() if self.is_current() else self.end_there()

    def has_ended(self, session_id: UUID) -> bool:
        """Find the session, or that there is none any more."""
        session = self.find_session(session_id)
        if session is not None:
            self.session = session
        return session is None

    def is_current(self) -> bool:
        """Whether it is this very device."""
        return self.session == self.current_session

    def needs_proof(self) -> bool:
        """Not for this device."""
        return not self.is_current() and super().needs_proof()

    def describe_question(self) -> dict[str, Any]:
        """It names the device."""
        row = DeviceRow.of_session(self.session)
        text = gettext("That device will have to sign in again.")
        if self.is_current():
            text = gettext("You are using this device now, and will have to sign in again.")
        heading = gettext("Sign out %(device)s?") % {"device": row.name}
        return {"heading": heading, "text": text, "button": gettext("Sign out"), "row": row}

    def end_there(self) -> HttpResponse:
        """Sign out another device."""
        ended = revoke_session(
            self.session, reason=RevokedReason.USER, by=self.owner, request=self.request
        )
        if not ended:
            return self.say_ended_before()
        device = DeviceRow.of_session(self.session).name
        return self.back_to_list(gettext("%(device)s has been signed out.") % {"device": device})

    def end_here(self) -> HttpResponse:
        """Sign out this device, from Django's login as well: that is what is meant by it."""
        revoke_session(
            self.session, reason=RevokedReason.LOGOUT, by=self.owner, request=self.request
        )
        logout(self.request)
        response = redirect(django_settings.LOGOUT_REDIRECT_URL or self.get_login_url())
        get_transport().clear(self.request, response)
        return response


class EndOthersView(ProvingPage):
    """Sign out everywhere else."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask whether to do so."""
        return self.ask()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign out everywhere else."""
        answer = self.demand_proof()
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
        """It tells how many devices that are."""
        others = own_live_sessions(self.owner)
        if self.current_session is not None:
            others = others.exclude(pk=self.current_session.pk)
        count = others.count()
        text = ngettext(
            "%(count)d other device will have to sign in again.",
            "%(count)d other devices will have to sign in again.",
            count,
        )
        return {
            "heading": gettext("Sign out everywhere else?"),
            "text": text % {"count": count},
            "button": gettext("Sign out everywhere else"),
        }
