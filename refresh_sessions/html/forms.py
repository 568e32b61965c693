"""What the page asks people for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from refresh_sessions.devices import printable
from refresh_sessions.exceptions import ProofIncompleteError, ReauthenticationFailedError
from refresh_sessions.hidden import hide_items
from refresh_sessions.html.throttling import proofs_of
from refresh_sessions.identity import AuthenticationMethod, available_methods, prove_identity
from refresh_sessions.identity.methods import LONGEST_SECRET
from refresh_sessions.models.sessions import NAME_LENGTH

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


class ProofForm(forms.Form):
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
        self.proven_by: Sequence[str] = ()
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
            max_length=LONGEST_SECRET,
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
        attempts = proofs_of(self.request)
        try:
            self.proven_by = prove_identity(self.user, data, self.request, before=attempts.take)
            attempts.forget()
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
        help_text=_("Leave it empty to use the name that the device reports."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )

    def clean_name(self) -> str:
        """The name as a sign-in would store it."""
        return printable(self.cleaned_data["name"])
