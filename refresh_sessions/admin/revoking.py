"""Ending sessions from the admin: two actions of the list, a button on the session's page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext, gettext_lazy, ngettext

from refresh_sessions.admin.addresses import session_address, with_filters
from refresh_sessions.admin.confirming import Question, ask, is_confirmed, selection_fields
from refresh_sessions.admin.ending import end_sessions
from refresh_sessions.admin.permissions import PermissionsMixin
from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.models import DeviceSession, RevokedReason
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.sessions import revoke_session
from refresh_sessions.sessions.revoking import revoke_locked_out


class RevokingMixin(PermissionsMixin):
    """Each way asks first, goes through the verbs and leaves an entry in Django's log."""

    actions: tuple[Any, ...] = ("revoke_selected", "sign_out_everywhere")
    revoke_confirmation_template = "admin/refresh_sessions/devicesession/revoke_confirmation.html"

    @admin.action(permissions=["revoke"], description=gettext_lazy("Revoke selected sessions"))
    def revoke_selected(
        self, request: HttpRequest, queryset: DeviceSessionQuerySet
    ) -> HttpResponse | None:
        live = queryset.active()
        # Counted first: a session that has been ended may match the list's filter no more.
        selected = queryset.count()
        if not is_confirmed(request):
            return self._ask_about_selected(request, live, selected)
        with self._telling_if_busy(request):
            ended = end_sessions(request, live, message=gettext("Revoked."))
            self._tell_outcome(request, ended, ended_before=max(selected - ended, 0))
        return None

    @admin.action(
        permissions=["revoke"], description=gettext_lazy("Sign these users out everywhere")
    )
    def sign_out_everywhere(
        self, request: HttpRequest, queryset: DeviceSessionQuerySet
    ) -> HttpResponse | None:
        users = queryset.order_by().values("user")
        live = self.live_sessions(request).filter(user__in=users)
        if not is_confirmed(request):
            return self._ask_about_users(request, live)
        message = gettext("Revoked: the user was signed out everywhere.")
        with self._telling_if_busy(request):
            ended = end_sessions(request, live, message=message)
            revoke_locked_out(self._sessions(request).filter(user__in=users), request=request)
            self._tell_outcome(request, ended)
        return None

    def live_sessions(self, request: HttpRequest) -> DeviceSessionQuerySet:
        """Those that are live, of the sessions that the request's user has in this admin.

        A project that narrows ``get_queryset`` means that nobody ends what they cannot see.
        """
        return self._sessions(request).active()

    def _sessions(self, request: HttpRequest) -> DeviceSessionQuerySet:
        sessions: Any = self.get_queryset(request)
        narrowed: DeviceSessionQuerySet = sessions
        return narrowed

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.revoke_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_revoke"
        # Before Django's own, the last of which takes any path.
        return [path("<path:object_id>/revoke/", view, name=name), *super().get_urls()]

    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whether to end one session, and end it."""
        session = self.get_object(request, unquote(object_id))
        if not self.has_revoke_permission(request, session):
            raise PermissionDenied
        if session is None:
            raise Http404
        live = self.live_sessions(request).filter(pk=session.pk)
        is_live = live.exists()
        if is_live and request.method != "POST":
            return self._ask_about_one(request, live, session)
        with self._telling_if_busy(request):
            ended = is_live and self._revoke_one(request, session)
            self._tell_outcome(request, int(ended), ended_before=1 - int(ended))
        return HttpResponseRedirect(self._page_of(request, session))

    def _revoke_one(self, request: HttpRequest, session: DeviceSession) -> bool:
        ended = revoke_session(
            session,
            reason=RevokedReason.ADMIN,
            by=request.user,  # type: ignore[arg-type]  # no page of the admin serves strangers
            request=request,
        )
        if ended:
            self.log_change(request, session, gettext("Revoked."))
        return ended

    def _ask_about_one(
        self, request: HttpRequest, live: DeviceSessionQuerySet, session: DeviceSession
    ) -> HttpResponse:
        question = Question(
            title=gettext("Revoke session"),
            text=_are_you_sure(1),
            sessions=live,
            count=1,
            back_url=self._page_of(request, session),
            session=session,
        )
        return ask(self, request, self.revoke_confirmation_template, question)

    def _ask_about_selected(
        self, request: HttpRequest, live: DeviceSessionQuerySet, selected: int
    ) -> HttpResponse | None:
        count = live.count()
        return self.ask_if_any(
            request,
            Question(
                title=gettext("Revoke sessions"),
                text=_are_you_sure(count),
                note=_left_alone(selected - count),
                sessions=live,
                count=count,
                back_url=request.get_full_path(),
                hidden=selection_fields(request, "revoke_selected"),
            ),
        )

    def _ask_about_users(
        self, request: HttpRequest, live: DeviceSessionQuerySet
    ) -> HttpResponse | None:
        users = live.values("user").distinct().count()
        return self.ask_if_any(
            request,
            Question(
                title=gettext("Sign users out everywhere"),
                text=ngettext(
                    "Are you sure you want to sign this user out everywhere?",
                    "Are you sure you want to sign these %(count)d users out everywhere?",
                    users,
                )
                % {"count": users},
                sessions=live,
                count=live.count(),
                back_url=request.get_full_path(),
                hidden=selection_fields(request, "sign_out_everywhere"),
            ),
        )

    def ask_if_any(self, request: HttpRequest, question: Question) -> HttpResponse | None:
        """Ask, or say that there is nothing to ask about."""
        if question.count:
            return ask(self, request, self.revoke_confirmation_template, question)
        self._tell_outcome(request, 0)
        return None

    def _tell_outcome(self, request: HttpRequest, ended: int, *, ended_before: int = 0) -> None:
        if not ended:
            text = gettext("No session was revoked: none of them was live.")
            self.message_user(request, text, messages.WARNING)
            return
        text = ngettext(
            "%(count)d session was revoked.", "%(count)d sessions were revoked.", ended
        )
        text = f"{text % {'count': ended}} {_ended_before(ended_before)}"
        self.message_user(request, text.strip(), messages.SUCCESS)

    @contextmanager
    def _telling_if_busy(self, request: HttpRequest) -> Iterator[None]:
        try:
            yield
        except DatabaseBusyError as error:
            self.message_user(request, str(error.message), messages.ERROR)

    def _page_of(self, request: HttpRequest, session: DeviceSession) -> str:
        return with_filters(self, request, session_address(self, session, page="change"))


def _are_you_sure(count: int) -> str:
    return ngettext(
        "Are you sure you want to revoke this session?",
        "Are you sure you want to revoke these %(count)d sessions?",
        count,
    ) % {"count": count}


def _left_alone(count: int) -> str:
    if not count:
        return ""
    return ngettext(
        "%(count)d more of the selected has ended before and stays as it is.",
        "%(count)d more of the selected have ended before and stay as they are.",
        count,
    ) % {"count": count}


def _ended_before(count: int) -> str:
    if not count:
        return ""
    return ngettext("%(count)d had ended before.", "%(count)d had ended before.", count) % {
        "count": count
    }
