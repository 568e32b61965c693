"""Revoking sessions from the admin: actions and buttons on session and user pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import router
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext, gettext_lazy, ngettext

from refresh_sessions.admin.base import PermissionsMixin
from refresh_sessions.admin.confirmation import (
    Confirmation,
    is_confirmed,
    render_confirmation,
    selection_fields,
)
from refresh_sessions.admin.links import changelist_url, preserve_filters, session_url, user_url
from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.lookups import find_by_value
from refresh_sessions.models import DeviceSession, RevokedReason
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.sessions import revoke_session, revoke_sessions
from refresh_sessions.sessions.revoke import key_batches, revoke_locked_out


def revoke_and_log(request: HttpRequest, sessions: DeviceSessionQuerySet, *, message: str) -> int:
    """Revoke live sessions as the request's user and return their number.

    Each batch is logged by itself, so that the log is complete even if a later batch fails.
    """
    using = router.db_for_write(DeviceSession)
    return sum(
        _revoke_and_log_batch(request, ids, message) for ids in key_batches(sessions, using)
    )


def _revoke_and_log_batch(request: HttpRequest, ids: Sequence[UUID], message: str) -> int:
    sessions = DeviceSession.objects.filter(pk__in=ids)
    staff: Any = request.user  # never anonymous in the admin
    count = revoke_sessions(
        sessions,
        reason=RevokedReason.ADMIN,
        by=staff,
        request=request,
    )
    # Another request may have revoked one of them in the meantime; do not log that one here.
    revoked = sessions.using(router.db_for_write(DeviceSession)).filter(
        revoked_by=staff, revoked_reason=RevokedReason.ADMIN
    )
    LogEntry.objects.log_actions(
        user_id=staff.pk, queryset=revoked, action_flag=CHANGE, change_message=message
    )
    return count


class RevokeMixin(PermissionsMixin):
    """Actions and a view that revoke sessions after a confirmation and write to Django's log."""

    actions: tuple[Any, ...] = ("revoke_selected", "sign_out_everywhere")
    revoke_confirmation_template = "admin/refresh_sessions/devicesession/revoke_confirmation.html"

    @admin.action(permissions=["revoke"], description=gettext_lazy("Revoke selected sessions"))
    def revoke_selected(
        self, request: HttpRequest, queryset: DeviceSessionQuerySet
    ) -> HttpResponse | None:
        live = queryset.active()
        # Count before revoking: a revoked session may no longer match the filter of the list.
        selected = queryset.count()
        if not is_confirmed(request):
            return self._confirm_selected(request, live, selected)
        with self._warn_if_busy(request):
            revoked = revoke_and_log(request, live, message=gettext("Revoked."))
            self._report_outcome(request, revoked, already_ended=max(selected - revoked, 0))
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
            return self._confirm_users(request, live)
        message = gettext("Revoked: the user was signed out everywhere.")
        with self._warn_if_busy(request):
            revoked = revoke_and_log(request, live, message=message)
            revoke_locked_out(self._sessions(request).filter(user__in=users), request=request)
            self._report_outcome(request, revoked)
        return None

    def live_sessions(self, request: HttpRequest) -> DeviceSessionQuerySet:
        """The live sessions in the ``get_queryset`` of this admin.

        If a project narrows ``get_queryset``, staff can only revoke the sessions that they see.
        """
        return self._sessions(request).active()

    def _sessions(self, request: HttpRequest) -> DeviceSessionQuerySet:
        sessions: Any = self.get_queryset(request)
        typed: DeviceSessionQuerySet = sessions
        return typed

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.revoke_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_revoke"
        # Before Django's URLs, because the last of those matches any path.
        return [path("<path:object_id>/revoke/", view, name=name), *super().get_urls()]

    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Confirm and revoke one session."""
        session = self.get_object(request, unquote(object_id))
        if not self.has_revoke_permission(request, session):
            raise PermissionDenied
        if session is None:
            raise Http404
        live = self.live_sessions(request).filter(pk=session.pk)
        is_live = live.exists()
        if is_live and request.method != "POST":
            return self._confirm_one(request, live, session)
        with self._warn_if_busy(request):
            revoked = is_live and self._revoke_one(request, session)
            self._report_outcome(request, int(revoked), already_ended=1 - int(revoked))
        return HttpResponseRedirect(self._session_page_url(request, session))

    def _revoke_one(self, request: HttpRequest, session: DeviceSession) -> bool:
        revoked = revoke_session(
            session,
            reason=RevokedReason.ADMIN,
            by=request.user,  # type: ignore[arg-type]  # never anonymous in the admin
            request=request,
        )
        if revoked:
            self.log_change(request, session, gettext("Revoked."))
        return revoked

    def _confirm_one(
        self, request: HttpRequest, live: DeviceSessionQuerySet, session: DeviceSession
    ) -> HttpResponse:
        question = Confirmation(
            title=gettext("Revoke session"),
            text=_confirmation_text(1),
            sessions=live,
            count=1,
            back_url=self._session_page_url(request, session),
            session=session,
        )
        return render_confirmation(self, request, self.revoke_confirmation_template, question)

    def _confirm_selected(
        self, request: HttpRequest, live: DeviceSessionQuerySet, selected: int
    ) -> HttpResponse | None:
        count = live.count()
        return self.confirm_or_warn(
            request,
            Confirmation(
                title=gettext("Revoke sessions"),
                text=_confirmation_text(count),
                note=_unaffected_text(selected - count),
                sessions=live,
                count=count,
                back_url=request.get_full_path(),
                hidden=selection_fields(request, "revoke_selected"),
            ),
        )

    def _confirm_users(
        self, request: HttpRequest, live: DeviceSessionQuerySet
    ) -> HttpResponse | None:
        users = live.values("user").distinct().count()
        return self.confirm_or_warn(
            request,
            Confirmation(
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

    def confirm_or_warn(self, request: HttpRequest, question: Confirmation) -> HttpResponse | None:
        """Show the confirmation page, or a warning if no session is live."""
        if question.count:
            return render_confirmation(self, request, self.revoke_confirmation_template, question)
        self._report_outcome(request, 0)
        return None

    def _report_outcome(
        self, request: HttpRequest, revoked: int, *, already_ended: int = 0
    ) -> None:
        if not revoked:
            text = gettext("There was no live session to revoke.")
            self.message_user(request, text, messages.WARNING)
            return
        text = ngettext(
            "%(count)d session was revoked.", "%(count)d sessions were revoked.", revoked
        )
        text = f"{text % {'count': revoked}} {_already_ended_text(already_ended)}"
        self.message_user(request, text.strip(), messages.SUCCESS)

    @contextmanager
    def _warn_if_busy(self, request: HttpRequest) -> Iterator[None]:
        try:
            yield
        except DatabaseBusyError as error:
            self.message_user(request, str(error.message), messages.ERROR)

    def _session_page_url(self, request: HttpRequest, session: DeviceSession) -> str:
        return preserve_filters(self, request, session_url(self, session, page="change"))


def _confirmation_text(count: int) -> str:
    return ngettext(
        "Are you sure you want to revoke this session?",
        "Are you sure you want to revoke these %(count)d sessions?",
        count,
    ) % {"count": count}


def _unaffected_text(count: int) -> str:
    if not count:
        return ""
    return ngettext(
        "%(count)d selected session has already ended and is not affected.",
        "%(count)d selected sessions have already ended and are not affected.",
        count,
    ) % {"count": count}


def _already_ended_text(count: int) -> str:
    if not count:
        return ""
    return ngettext("%(count)d had already ended.", "%(count)d had already ended.", count) % {
        "count": count
    }


class SignOutMixin(RevokeMixin):
    """Adds the view behind the button on a user's page, which revokes all sessions of the user."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.sign_out_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_sign_out"
        return [path("user/<path:user_id>/sign-out/", view, name=name), *super().get_urls()]

    def sign_out_view(self, request: HttpRequest, user_id: str) -> HttpResponse:
        """Confirm and revoke all live sessions of one user."""
        if not self.has_revoke_permission(request):
            raise PermissionDenied
        user = self._find_user(request, unquote(user_id))
        back_url = user_url(self, request, user) or changelist_url(
            self, query={"user__exact": user.pk}
        )
        live = self.live_sessions(request).for_user(user)
        if not is_confirmed(request):
            question = Confirmation(
                title=gettext("Sign out everywhere"),
                text=gettext("Are you sure you want to sign %(user)s out everywhere?")
                % {"user": user},
                sessions=live,
                count=live.count(),
                back_url=back_url,
            )
            return self.confirm_or_warn(request, question) or HttpResponseRedirect(back_url)
        message = gettext("Revoked: the user was signed out everywhere.")
        with self._warn_if_busy(request):
            revoked = revoke_and_log(request, live, message=message)
            revoke_locked_out(self._sessions(request).for_user(user), request=request)
            self._report_outcome(request, revoked)
        return HttpResponseRedirect(back_url)

    def _find_user(self, request: HttpRequest, user_id: str) -> Any:
        """The user whose key is in the URL.

        Raises:
            Http404: no user has this key, or the staff member may see neither the page nor a
                session of the user. Otherwise staff could try keys to find hidden users.

        """
        model: Any = get_user_model()
        users = model._base_manager
        try:
            with find_by_value(model._meta.pk, user_id, using=users.db):
                user = users.get(pk=user_id)
        except ObjectDoesNotExist:
            raise Http404 from None
        sessions: Any = self.get_queryset(request)
        if user_url(self, request, user) or sessions.filter(user=user).exists():
            return user
        raise Http404
