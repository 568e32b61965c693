"""Signing one user out everywhere, from wherever a page of the admin is about that user."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext

from refresh_sessions.admin.addresses import list_address, user_address
from refresh_sessions.admin.confirming import Question, is_confirmed
from refresh_sessions.admin.ending import end_sessions
from refresh_sessions.admin.revoking import RevokingMixin
from refresh_sessions.lookups import lookup_by
from refresh_sessions.sessions.revoking import revoke_locked_out


class SigningOutMixin(RevokingMixin):
    """One more address of the admin of sessions: that of the button on a user's page."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.sign_out_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_sign_out"
        return [path("user/<path:user_id>/sign-out/", view, name=name), *super().get_urls()]

    def sign_out_view(self, request: HttpRequest, user_id: str) -> HttpResponse:
        """Ask whether to end all sessions of a user, and end them."""
        if not self.has_revoke_permission(request):
            raise PermissionDenied
        user = self._find_user(request, unquote(user_id))
        back_url = user_address(self, request, user) or list_address(
            self, query={"user__exact": user.pk}
        )
        live = self.live_sessions(request).for_user(user)
        if not is_confirmed(request):
            question = Question(
                title=gettext("Sign out everywhere"),
                text=gettext("Are you sure you want to sign %(user)s out everywhere?")
                % {"user": user},
                sessions=live,
                count=live.count(),
                back_url=back_url,
            )
            return self.ask_if_any(request, question) or HttpResponseRedirect(back_url)
        message = gettext("Revoked: the user was signed out everywhere.")
        with self._telling_if_busy(request):
            ended = end_sessions(request, live, message=message)
            revoke_locked_out(self._sessions(request).for_user(user), request=request)
            self._tell_outcome(request, ended)
        return HttpResponseRedirect(back_url)

    def _find_user(self, request: HttpRequest, user_id: str) -> Any:
        """The user of the address.

        Raises:
            Http404: there is none, or this member of staff sees neither the page nor any session
                of the user, and could try keys for users behind them.

        """
        model: Any = get_user_model()
        users = model._base_manager
        try:
            with lookup_by(model._meta.pk, user_id, using=users.db):
                user = users.get(pk=user_id)
        except ObjectDoesNotExist:
            raise Http404 from None
        sessions: Any = self.get_queryset(request)
        if user_address(self, request, user) or sessions.filter(user=user).exists():
            return user
        raise Http404
