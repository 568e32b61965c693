"""Django's own login: whose the session of a request is, and what we keep in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def login_of(request: HttpRequest | None, user: AbstractBaseUser) -> SessionBase | None:
    """The Django session of a request, if ``user`` is who is logged in there; None otherwise.

    Asks nothing of the request's user: that is the API's, where REST framework has looked at it.
    A client without a session cookie gets none by this, and costs no query.
    """
    store: SessionBase | None = getattr(request, "session", None)
    if store is None or not store.session_key:
        return None
    key = user._meta.pk.value_to_string(user)
    known = constant_time_compare(store.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    return store if known and store.get(SESSION_KEY) == key else None
