"""What the page asks people for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from refresh_sessions.devices import printable
from refresh_sessions.html.identity import (
    Method,
    ProofFailedError,
    available_methods,
    prove_identity,
)
from refresh_sessions.models.sessions import NAME_LENGTH

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

_PROOF_LENGTH: Final = 4096


class ProofForm(forms.Form):
    """What proves that it is still the same person. Valid only if it does.

    It has one field for each method that the user has. Override ``field_of`` where a method of
    the project's own wants more than a line of text.
    """

    def __init__(
        self, *args: Any, user: AbstractBaseUser, request: HttpRequest, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.request = request
        self.methods: Sequence[str] = ()
        """By what identity was proven, once the form has been found valid."""
        self.has_failed = False
        """Whether a proof was given, and was none."""
        methods = available_methods(user)
        for method in methods:
            self.fields[method.field] = self.field_of(method, required=len(methods) == 1)
        for field in list(self.fields.values())[:1]:
            field.widget.attrs["autofocus"] = True

    @staticmethod
    def field_of(method: Method, *, required: bool) -> forms.Field:
        """The field in which a proof by this method is given."""
        is_password = method.name == "password"
        hint = "current-password" if is_password else "one-time-code"
        widget = forms.PasswordInput if is_password else forms.TextInput
        return forms.CharField(
            label=_("Password") if is_password else capfirst(method.name.replace("_", " ")),
            max_length=_PROOF_LENGTH,
            required=required,
            # A password may begin and end with spaces (ASVS 6.2.8).
            strip=not is_password,
            # What was not filled in is no proof, rather than an empty one.
            empty_value=None,
            widget=widget(attrs={"autocomplete": hint}),
        )

    def is_filled_in(self) -> bool:
        """Whether the request brings a proof, however poor, or asks for something alone."""
        return not self.fields.keys().isdisjoint(self.request.POST)

    def clean(self) -> dict[str, Any]:
        """Prove identity with what was filled in."""
        data = super().clean() or {}
        if not self.errors:
            try:
                self.methods = prove_identity(self.user, data, self.request)
            except ProofFailedError:
                self.has_failed = True
                error = ValidationError(_("This does not confirm that it is you."), code="proof")
                self.add_error(next(iter(self.fields)), error)
        return data


class RenameForm(forms.Form):
    """What a device is called."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        required=False,
        help_text=_("Leave it empty to call the device by what it says of itself."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )

    def clean_name(self) -> str:
        """The name as a sign-in would store it."""
        return printable(self.cleaned_data["name"])
