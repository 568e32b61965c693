"""Base classes of the pages, and the confirmation with a proof of identity (ASVS 7.5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import redirect_to_login
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.generic.base import ContextMixin, TemplateResponseMixin, View

from refresh_sessions.conf import get_settings
from refresh_sessions.database import retry_transient
from refresh_sessions.events.record import record_events
from refresh_sessions.exceptions import (
    DatabaseBusyError,
    ThrottleUnavailableError,
    TooManyAttemptsError,
)
from refresh_sessions.identity import configured_methods
from refresh_sessions.models import DeviceSession, EventKind
from refresh_sessions.pages.forms import ReauthenticationForm, seconds_until_next_attempt
from refresh_sessions.pages.links import page_url
from refresh_sessions.pages.login_state import (
    find_current_session,
    login_is_recent,
    record_reauthentication,
)
from refresh_sessions.redaction import MASK

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def hide_secrets(request: HttpRequest) -> None:
    """Leave no password and no code where error trackers look for the form of a request."""
    form = request.POST.copy()
    for name in {method.field for method in configured_methods()} & form.keys():
        form[name] = MASK
    form._mutable = False  # noqa: SLF001  (as Django makes its own)
    request.POST = form  # type: ignore[assignment]
    if hasattr(request, "_body"):
        request._body = b""  # noqa: SLF001


@method_decorator(sensitive_variables(), name="dispatch")
@method_decorator(sensitive_post_parameters(), name="dispatch")
# A device that was signed out stays so, whatever becomes of the answer.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
@method_decorator(never_cache, name="dispatch")
@method_decorator(csrf_protect, name="dispatch")
# Framed by another site, one click could be led onto a button.
@method_decorator(xframe_options_deny, name="dispatch")
class DevicesPage(LoginRequiredMixin, TemplateResponseMixin, ContextMixin, View):
    """A page for whoever is logged in with Django's login, about their own devices."""

    base_template = "refresh_sessions/base.html"
    """What the pages extend: it has the blocks ``title``, ``head`` and ``content``."""
    later_template_name = "refresh_sessions/later.html"
    submitted: QueryDict
    """The form as it was sent; in ``request.POST`` a mask stands for what proves identity."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer, or say in plain words that the database or the cache has no time."""
        self.submitted = request.POST
        hide_secrets(request)
        try:
            return super().dispatch(request, *args, **kwargs)
        except TooManyAttemptsError as error:
            return self.show_retry_later(
                gettext("Too many attempts"), error.message, status=429, wait=error.retry_after
            )
        except (DatabaseBusyError, ThrottleUnavailableError) as error:
            return self.show_retry_later(
                gettext("The service is busy"), error.message, status=503, wait=error.retry_after
            )

    @property
    def owner(self) -> AbstractBaseUser:
        """Who is logged in."""
        return cast("AbstractBaseUser", self.request.user)

    @cached_property
    def current_session(self) -> DeviceSession | None:
        """The device session of this very browser, or None if it has Django's login alone."""
        return find_current_session(self.request, self.owner)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What all templates get."""
        return super().get_context_data(
            base_template=self.base_template,
            list_url=self.list_url,
            owner=self.owner,
            messages=messages.get_messages(self.request),
            **kwargs,
        )

    @property
    def list_url(self) -> str:
        """The address of the list, where this very page is mounted."""
        return page_url(self.request, "session-list")

    def back_to_list(self, text: str, *, level: int = messages.SUCCESS) -> HttpResponse:
        """Show the list, with a message where Django's messages are installed."""
        messages.add_message(self.request, level, text, fail_silently=True)
        return HttpResponseRedirect(self.list_url)

    def show_retry_later(
        self, title: str, text: str | Promise, *, status: int, wait: int
    ) -> HttpResponse:
        """Have the person try again after so many seconds."""
        context = self.get_context_data(heading=title, text=text, wait=wait)
        return self.response_class(
            request=self.request,
            template=[self.later_template_name],
            context=context,
            using=self.template_engine,
            status=status,
            headers={"Retry-After": str(wait)},
        )


class ReauthenticationPage(DevicesPage):
    """Asks before it does something, and for a proof of identity where there is no fresh one.

    The form of the question is sent to the address that asked: what is to be done is in that
    address, so nothing about it has to be kept or believed.
    """

    template_name = "refresh_sessions/confirm.html"
    sign_in_again_template_name = "refresh_sessions/sign_in_again.html"
    reauthentication_form_class = ReauthenticationForm
    http_method_names = ("get", "head", "options", "post")

    def describe_question(self) -> dict[str, Any]:
        """``heading``, ``text`` and ``button`` of the question."""
        raise NotImplementedError

    def needs_reauthentication(self) -> bool:
        """Whether the person has to prove who they are before this is done."""
        if not get_settings().REAUTHENTICATE_TO_REVOKE:
            return False
        return not login_is_recent(self.request, self.owner)

    def show(self) -> HttpResponse:
        """Ask whether to do it, and for a proof if one is needed."""
        if not self.needs_reauthentication():
            return self.show_question(None)
        form = self.reauthentication_form_class(user=self.owner, request=self.request)
        return self.show_question(form) if form.fields else self.show_unavailable()

    def require_reauthentication(self) -> HttpResponse | None:
        """The answer to a request that lacks a proof, or None if it may go on."""
        if not self.needs_reauthentication():
            return None
        form = self.reauthentication_form_class(
            self.submitted, user=self.owner, request=self.request
        )
        if not form.is_filled_in():
            return self.show()
        wait = seconds_until_next_attempt(self.request)
        if wait is not None:
            text = gettext("Please wait before you try again.")
            return self.show_retry_later(gettext("Too many attempts"), text, status=429, wait=wait)
        return self.check_form(form)

    def check_form(self, form: ReauthenticationForm) -> HttpResponse | None:
        """Look at the proof that came along, and remember it or ask again."""
        if form.is_valid():
            # A proof of identity is worth a new session key (ASVS 7.2.4); and the check may have
            # stored the password with a newer hash, of which Django's session has to know.
            user: Any = self.owner
            update_session_auth_hash(self.request, user)
            record_reauthentication(self.request, user, methods=form.verified_methods)
            self.record_outcome(EventKind.REAUTHENTICATED, form.verified_methods)
            return None
        if form.failed_by:
            self.record_outcome(EventKind.REAUTHENTICATION_FAILED, form.failed_by)
        return self.show_question(form)

    def record_outcome(self, kind: EventKind, methods: Sequence[str]) -> None:
        """Record what came of it, if this browser has a device session to record it with."""
        session = self.current_session
        if session is None:
            return
        using = router.db_for_write(DeviceSession)
        retry_transient(
            using,
            lambda: record_events(
                [session.pk],
                kind,
                request=self.request,
                using=using,
                actor=self.owner,
                details={"methods": list(methods)},
            ),
        )

    def show_question(self, form: ReauthenticationForm | None) -> HttpResponse:
        """Show the question, with the form of the proof where one is needed."""
        context = self.get_context_data(form=form, **self.describe_question())
        return self.render_to_response(context)

    def show_unavailable(self) -> HttpResponse:
        """Tell those who have nothing to prove their identity by how to go on."""
        context = self.get_context_data(
            heading=gettext("Please sign in again"),
            login_url=redirect_to_login(self.list_url, self.get_login_url()).url,
        )
        return self.response_class(
            request=self.request,
            template=[self.sign_in_again_template_name],
            context=context,
            using=self.template_engine,
            status=403,
        )
