"""Forms of the pages, and the throttle of re-authentication."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from refresh_sessions.devices import strip_control_chars
from refresh_sessions.exceptions import ProofIncompleteError, ReauthenticationFailedError
from refresh_sessions.identity import AuthenticationMethod, available_methods, verify_identity
from refresh_sessions.identity.attempts import AttemptLimiter, get_attempt_limiter
from refresh_sessions.identity.methods import MAX_SECRET_LENGTH
from refresh_sessions.models.sessions import NAME_LENGTH
from refresh_sessions.redaction import hide_items
from refresh_sessions.rest_framework.throttling import ReauthenticateThrottle, SessionThrottle

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


class PageReauthenticateThrottle(SessionThrottle):
    """Limits re-authentication attempts per login (ASVS 6.3.1), against password guessing.

    The limit is not per user: an attacker with a stolen login could then block the owner from
    revoking it.
    """

    scope = ReauthenticateThrottle.scope
    default_rate = ReauthenticateThrottle.default_rate

    def get_cache_key(self, request: HttpRequest, view: object) -> str:
        """The key of Django's session, or of the user if sessions are stored in cookies.

        The session key of a signed cookie changes with its content and identifies no login.
        """
        return self.build_key(_login_of(request))


def get_login_limiter(request: HttpRequest) -> AttemptLimiter:
    """The limiter of failed attempts from this login."""
    user = cast("AbstractBaseUser", request.user)
    return get_attempt_limiter(user, "page", _login_of(request))


def seconds_until_next_attempt(request: HttpRequest) -> int | None:
    """Seconds until the next attempt is allowed, or None; an allowed attempt is counted.

    Raises:
        ThrottleUnavailableError: the cache with the counts does not answer.

    """
    throttle = PageReauthenticateThrottle()
    if throttle.admits(request, None):
        return None
    return max(1, round(throttle.wait() or 1))


def _login_of(request: HttpRequest) -> str:
    in_cookie = isinstance(request.session, SessionStore)
    return str(request.user.pk if in_cookie else request.session.session_key)


class ReauthenticationForm(forms.Form):
    """The form of the re-authentication; valid only if the identity is verified.

    It has one field for each of ``REAUTHENTICATION_METHODS`` that the user has set up. Override
    ``field_of`` if a custom method needs more than a line of text.
    """

    def __init__(
        self, *args: Any, user: AbstractBaseUser, request: HttpRequest, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.request = request
        self.verified_methods: Sequence[str] = ()
        """Authentication methods as values of RFC 8176; empty unless the form is valid."""
        self.failed_by: Sequence[str] = ()
        """Names of the methods that failed."""
        self.methods = available_methods(user)
        kinds = [method.second_factor for method in self.methods]
        for method in self.methods:
            only = kinds.count(method.second_factor) == 1
            self.fields[method.field] = self.field_of(method, required=only)
        for field in list(self.fields.values())[:1]:
            field.widget.attrs["autofocus"] = True

    @staticmethod
    def field_of(method: AuthenticationMethod, *, required: bool) -> forms.Field:
        """The form field for the credential of a method."""
        is_password = method.amr == "pwd"
        hint = "current-password" if is_password else "one-time-code"
        widget = forms.PasswordInput if is_password else forms.TextInput
        return forms.CharField(
            label=str(method.label) or capfirst(method.name.replace("_", " ")),
            max_length=MAX_SECRET_LENGTH,
            required=required,
            # A password may begin and end with spaces (ASVS 6.2.8).
            strip=not is_password,
            # An empty field means that the method was not used.
            empty_value=None,
            widget=widget(
                # Phones capitalize the first letter; some spelling checkers upload the text.
                attrs={"autocomplete": hint, "autocapitalize": "none", "spellcheck": "false"}
            ),
        )

    def is_filled_in(self) -> bool:
        """Whether the request contains a field of this form."""
        return not self.fields.keys().isdisjoint(self.request.POST)

    def clean(self) -> dict[str, Any]:
        """Verify the identity with the submitted credentials.

        Raises:
            TooManyAttemptsError: too many attempts from this login failed; no attempt is checked
                for a while.

        """
        data = hide_items(super().clean() or {})
        if self.errors:
            return data
        attempts = get_login_limiter(self.request)
        try:
            self.verified_methods = verify_identity(
                self.user, data, self.request, before=attempts.consume
            )
            attempts.reset()
        except ReauthenticationFailedError as error:
            given = [method for method in self.methods if data.get(method.field) is not None]
            self.failed_by = [method.name for method in given]
            # With several credentials, do not reveal the wrong one.
            field = given[0].field if len(given) == 1 else None
            self.add_error(field, str(error.message))
        except ProofIncompleteError as error:
            self.add_error(None, str(error.message))
        return data


class RenameForm(forms.Form):
    """The name of a device."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        required=False,
        help_text=_("Leave empty to use the name reported by the device."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )

    def clean_name(self) -> str:
        """The name without control characters, as a login stores it."""
        return strip_control_chars(self.cleaned_data["name"])
