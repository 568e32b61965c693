"""Base classes of the pages, and the confirmation with re-authentication (ASVS 7.5.2)."""

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
    """Mask passwords and codes in the request, where error trackers read form data."""
    form = request.POST.copy()
    for name in {method.field for method in configured_methods()} & form.keys():
        form[name] = MASK
    form._mutable = False  # noqa: SLF001  (as Django does for request.POST)
    request.POST = form  # type: ignore[assignment]
    if hasattr(request, "_body"):
        request._body = b""  # noqa: SLF001


@method_decorator(sensitive_variables(), name="dispatch")
@method_decorator(sensitive_post_parameters(), name="dispatch")
# A revocation is committed even if the response fails.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
@method_decorator(never_cache, name="dispatch")
@method_decorator(csrf_protect, name="dispatch")
# Against clickjacking in a frame of another site.
@method_decorator(xframe_options_deny, name="dispatch")
class DevicesPage(LoginRequiredMixin, TemplateResponseMixin, ContextMixin, View):
    """A page about the devices of the user of Django's login."""

    base_template = "refresh_sessions/base.html"
    """The base template of the pages, with the blocks ``title``, ``head`` and ``content``."""
    later_template_name = "refresh_sessions/later.html"
    submitted: QueryDict
    """The form data as sent; in ``request.POST`` passwords and codes are masked."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Handle the request; if it is throttled or the database is busy, show when to retry."""
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
        """The user of Django's login."""
        return cast("AbstractBaseUser", self.request.user)

    @cached_property
    def current_session(self) -> DeviceSession | None:
        """The device session of this browser, or None if it only has Django's login."""
        return find_current_session(self.request, self.owner)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The context of all templates."""
        return super().get_context_data(
            base_template=self.base_template,
            list_url=self.list_url,
            owner=self.owner,
            messages=messages.get_messages(self.request),
            **kwargs,
        )

    @property
    def list_url(self) -> str:
        """The URL of the list, in the namespace and below the prefix of this page."""
        return page_url(self.request, "session-list")

    def back_to_list(self, text: str, *, level: int = messages.SUCCESS) -> HttpResponse:
        """Redirect to the list, with a message if Django's messages are installed."""
        messages.add_message(self.request, level, text, fail_silently=True)
        return HttpResponseRedirect(self.list_url)

    def show_retry_later(
        self, title: str, text: str | Promise, *, status: int, wait: int
    ) -> HttpResponse:
        """A page that asks to try again after ``wait`` seconds."""
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
    """Confirms an action, with re-authentication unless the last authentication is recent.

    The form posts to its own URL, which alone determines the action: no hidden field has to be
    stored or trusted.
    """

    template_name = "refresh_sessions/confirm.html"
    sign_in_again_template_name = "refresh_sessions/sign_in_again.html"
    reauthentication_form_class = ReauthenticationForm
    http_method_names = ("get", "head", "options", "post")

    def describe_question(self) -> dict[str, Any]:
        """The context of the confirmation: ``heading``, ``text`` and ``button``."""
        raise NotImplementedError

    def needs_reauthentication(self) -> bool:
        """Whether the action requires re-authentication."""
        if not get_settings().REAUTHENTICATE_TO_REVOKE:
            return False
        return not login_is_recent(self.request, self.owner)

    def show(self) -> HttpResponse:
        """Show the confirmation, with the form of the re-authentication if required."""
        if not self.needs_reauthentication():
            return self.show_question(None)
        form = self.reauthentication_form_class(user=self.owner, request=self.request)
        return self.show_question(form) if form.fields else self.show_unavailable()

    def require_reauthentication(self) -> HttpResponse | None:
        """None if the action may proceed, otherwise the response that asks again or refuses."""
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
        """Verify the submitted form: record the re-authentication or show the form again."""
        if form.is_valid():
            # Rotate the session key after re-authentication (ASVS 7.2.4), and update its auth hash
            # in case that the verification upgraded the password hash.
            user: Any = self.owner
            update_session_auth_hash(self.request, user)
            record_reauthentication(self.request, user, methods=form.verified_methods)
            self.record_outcome(EventKind.REAUTHENTICATED, form.verified_methods)
            return None
        if form.failed_by:
            self.record_outcome(EventKind.REAUTHENTICATION_FAILED, form.failed_by)
        return self.show_question(form)

    def record_outcome(self, kind: EventKind, methods: Sequence[str]) -> None:
        """Record the event in the browser's device session, if there is one."""
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
        """The confirmation page; ``form`` is the form of the re-authentication, if required."""
        context = self.get_context_data(form=form, **self.describe_question())
        return self.render_to_response(context)

    def show_unavailable(self) -> HttpResponse:
        """The page for users without a method of re-authentication: it asks for a new login."""
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
