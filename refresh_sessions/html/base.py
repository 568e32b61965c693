"""What all pages have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db import transaction
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

from refresh_sessions.exceptions import (
    DatabaseBusyError,
    ThrottleUnavailableError,
    TooManyAttemptsError,
)
from refresh_sessions.hidden import MASK
from refresh_sessions.html.current import find_current_session
from refresh_sessions.html.links import page_url
from refresh_sessions.identity import configured_methods
from refresh_sessions.models import DeviceSession

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def hide_proofs(request: HttpRequest) -> None:
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
        hide_proofs(request)
        try:
            return super().dispatch(request, *args, **kwargs)
        except TooManyAttemptsError as error:
            return self.ask_to_wait(
                gettext("Too many tries"), error.message, status=429, wait=error.retry_after
            )
        except (DatabaseBusyError, ThrottleUnavailableError) as error:
            return self.ask_to_wait(
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

    def ask_to_wait(
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
