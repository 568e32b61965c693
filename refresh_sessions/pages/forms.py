"""Forms of the pages, and the throttle of proofs of identity."""

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
    """Proofs per login (ASVS 6.3.1): whoever has stolen one must not guess the password by it.

    Not per user: that thief could keep the owner from signing them out.
    """

    scope = ReauthenticateThrottle.scope
    default_rate = ReauthenticateThrottle.default_rate

    def get_cache_key(self, request: HttpRequest, view: object) -> str:
        """By Django's session; where that lives in a cookie, old ones count as new, so by user."""
        return self.build_key(_login_of(request))


def get_login_limiter(request: HttpRequest) -> AttemptLimiter:
    """The proofs that count together, from this login."""
    user = cast("AbstractBaseUser", request.user)
    return get_attempt_limiter(user, "page", _login_of(request))


def seconds_until_next_attempt(request: HttpRequest) -> int | None:
    """Seconds to wait before the next try, or None if it may be made now; it is counted then.

    Raises:
        ThrottleUnavailableError: the cache in which tries are counted does not answer.

    """
    throttle = PageReauthenticateThrottle()
    if throttle.admits(request, None):
        return None
    return max(1, round(throttle.wait() or 1))


def _login_of(request: HttpRequest) -> str:
    in_cookie = isinstance(request.session, SessionStore)
    return str(request.user.pk if in_cookie else request.session.session_key)


class ReauthenticationForm(forms.Form):
    """What proves that it is still the same person. Valid only if it does.

    It has one field for each of ``REAUTHENTICATION_METHODS`` that the user has set up. Override
    ``field_of`` where a method of the project's own wants more than a line of text.
    """

    def __init__(
        self, *args: Any, user: AbstractBaseUser, request: HttpRequest, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.request = request
        self.verified_methods: Sequence[str] = ()
        """How identity was proven, in the words of RFC 8176; empty unless the form is valid."""
        self.failed_by: Sequence[str] = ()
        """The names of the methods that were tried and proved nothing."""
        self.methods = available_methods(user)
        kinds = [method.second_factor for method in self.methods]
        for method in self.methods:
            only = kinds.count(method.second_factor) == 1
            self.fields[method.field] = self.field_of(method, required=only)
        for field in list(self.fields.values())[:1]:
            field.widget.attrs["autofocus"] = True

    @staticmethod
    def field_of(method: AuthenticationMethod, *, required: bool) -> forms.Field:
        """The field in which a proof by this method is given."""
        is_password = method.amr == "pwd"
        hint = "current-password" if is_password else "one-time-code"
        widget = forms.PasswordInput if is_password else forms.TextInput
        return forms.CharField(
            label=str(method.label) or capfirst(method.name.replace("_", " ")),
            max_length=MAX_SECRET_LENGTH,
            required=required,
            # A password may begin and end with spaces (ASVS 6.2.8).
            strip=not is_password,
            # What was not filled in is no proof, rather than an empty one.
            empty_value=None,
            widget=widget(
                # Phones begin with a capital, and some spelling checkers send off what they read.
                attrs={"autocomplete": hint, "autocapitalize": "none", "spellcheck": "false"}
            ),
        )

    def is_filled_in(self) -> bool:
        """Whether the request brings a proof, however poor, or asks for something alone."""
        return not self.fields.keys().isdisjoint(self.request.POST)

    def clean(self) -> dict[str, Any]:
        """Prove identity with what was filled in.

        Raises:
            TooManyAttemptsError: so many proofs from this login were wrong that no more are
                looked at for a while.

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
            # Which of several was wrong is not said.
            field = given[0].field if len(given) == 1 else None
            self.add_error(field, str(error.message))
        except ProofIncompleteError as error:
            self.add_error(None, str(error.message))
        return data


class RenameForm(forms.Form):
    """What a device is called."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        required=False,
        help_text=_("Leave empty to use the name reported by the device."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )

    def clean_name(self) -> str:
        """The name as a sign-in would store it."""
        return strip_control_chars(self.cleaned_data["name"])
