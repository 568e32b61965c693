"""When the person before this browser last proved who they are, kept in Django's session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.http import HttpRequest
from django.utils import timezone

from refresh_sessions.accounts import auth_digest, is_current
from refresh_sessions.conf import get_settings
from refresh_sessions.html.login import login_of
from refresh_sessions.identity import lacks_second_factor

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

_KEY: Final = "refresh_sessions.proof"


def note_login(
    *,
    request: HttpRequest | None,
    user: AbstractBaseUser,
    device_session: object = None,
    **kwargs: Any,
) -> None:
    """Take Django's login for proof of identity, by whatever it asked for.

    The start of a device session sends the same signal, and is none: a view may well start one
    for whoever is logged in, and ask for nothing.
    """
    if device_session is None:
        note_proof(request, user)


def note_proof(
    request: HttpRequest | None, user: AbstractBaseUser, *, methods: Sequence[str] = ()
) -> None:
    """Remember that ``user`` has just proven who they are, in the words of RFC 8176.

    Django forgets it with its session, at logout; a changed password makes it worthless.
    """
    login = login_of(request, user)
    if login is not None:
        login[_KEY] = {
            "at": timezone.now().isoformat(),
            "auth": auth_digest(user),
            "methods": list(methods),
        }


def is_fresh(request: HttpRequest, user: AbstractBaseUser) -> bool:
    """Whether the last proof is of this user, and no older than ``REAUTHENTICATION_MAX_AGE``.

    Who has a second factor must have given it on the page: what Django's login asked for is not
    known here (ASVS 6.3.4).

    By the clocks of the servers, as Django's sessions are. One that comes from the future is
    believed as far as ``LEEWAY``, since another server's clock may be ahead.
    """
    login = login_of(request, user)
    proof = login.get(_KEY) if login is not None else None
    if proof is None or not is_current(user, proof["auth"]):
        return False
    age: timedelta = timezone.now() - datetime.fromisoformat(proof["at"])
    settings = get_settings()
    if not -settings.LEEWAY <= age <= settings.REAUTHENTICATION_MAX_AGE:
        return False
    return not lacks_second_factor(user, proof["methods"])
