"""How people prove on the page that it is still them. The one place that knows of passwords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


class ProofFailedError(Exception):
    """What should have proven the user's identity does not; it is not said why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to prove who one is."""

    name: str
    field: str
    """The field of the form that carries the proof."""


PASSWORD: Final = Method(name="password", field="password")


def available_methods(user: AbstractBaseUser) -> Sequence[Method]:
    """By what this user can prove who they are; empty if by nothing."""
    return [PASSWORD] if user.has_usable_password() else []


@sensitive_variables()
def prove_identity(
    user: AbstractBaseUser, data: Mapping[str, Any], request: HttpRequest
) -> tuple[str, ...]:
    """Have Django's authentication backends look at the proof.

    Args:
        user: who is logged in; where the check stores the password with a newer hash, ``user``
            gets that hash as well.
        data: what was filled in.
        request: for the backends, some of which count failures by address.

    Returns:
        By what identity was proven, in the words of RFC 8176.

    Raises:
        ProofFailedError: it is no proof, or somebody else's.

    """
    password = data[PASSWORD.field]
    found = authenticate(request, username=user.get_username(), password=password)
    if found is None or found.pk != user.pk:
        raise ProofFailedError
    user.password = found.password
    return ("pwd",)
