"""State in Django's session: the browser's device session and the last authentication."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.identity import lacks_second_factor
from refresh_sessions.models import DeviceSession
from refresh_sessions.redaction import hide
from refresh_sessions.sessions.queries import own_live_sessions
from refresh_sessions.signals import session_started
from refresh_sessions.tokens import refresh_tokens
from refresh_sessions.transports import read_refresh_cookie
from refresh_sessions.users import auth_hash_is_valid, get_auth_hash

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def get_login_session(request: HttpRequest | None, user: AbstractBaseUser) -> SessionBase | None:
    """The Django session of a request if it is a login of ``user``; None otherwise.

    Does not read ``request.user``, which may be the user of an access token. Without a session
    cookie it needs no query and creates no session.
    """
    store: SessionBase | None = getattr(request, "session", None)
    if store is None or not store.session_key:
        return None
    key = user._meta.pk.value_to_string(user)
    known = constant_time_compare(store.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    return store if known and store.get(SESSION_KEY) == key else None


_DEVICE_SESSION_KEY: Final = "refresh_sessions.device_session"


def remember_current_session(
    *, session: DeviceSession, request: HttpRequest | None, **kwargs: Any
) -> None:
    """Store the id of a new device session in the Django session of the same browser.

    Only if the user has Django's login: a client that only uses the API gets no session cookie.
    """
    login = get_login_session(request, session.user)
    if login is not None:
        login[_DEVICE_SESSION_KEY] = str(session.pk)


def find_current_session(request: HttpRequest, user: AbstractBaseUser) -> DeviceSession | None:
    """The live device session of ``user`` in the browser of the request, or None.

    It is found with the refresh cookie, otherwise with the id in Django's session.
    """
    claims = _presented_claims(request)
    candidates = [claims.session_id] if claims else []
    candidates += _remembered_ids(request)
    if not candidates:
        return None
    sessions = own_live_sessions(user).in_bulk(candidates)
    if claims and not _has_family_of(sessions.get(claims.session_id), claims):
        sessions.pop(claims.session_id, None)
    return next((sessions[pk] for pk in candidates if pk in sessions), None)


def _presented_claims(request: HttpRequest) -> refresh_tokens.RefreshClaims | None:
    """The claims of the refresh cookie, or None without a valid one."""
    token = hide(read_refresh_cookie(request))
    if not token:
        return None
    try:
        return refresh_tokens.verify(token)
    except InvalidTokenError:
        return None


def _has_family_of(session: DeviceSession | None, claims: refresh_tokens.RefreshClaims) -> bool:
    if session is None:
        return False
    families = [item for item in session.known_families if item.pk == claims.family_id]
    return any(claims.matches(family.secret_digest) for family in families)


def _remembered_ids(request: HttpRequest) -> Iterator[UUID]:
    remembered = request.session.get(_DEVICE_SESSION_KEY)
    if remembered is not None:
        yield UUID(remembered)


_AUTHENTICATION_KEY: Final = "refresh_sessions.proof"


def record_login(
    *,
    request: HttpRequest | None,
    user: AbstractBaseUser,
    device_session: object = None,
    **kwargs: Any,
) -> None:
    """Record Django's login as an authentication.

    The start of a device session sends the same signal and does not count: a view may start one
    for a logged-in user without asking for credentials.
    """
    if device_session is None:
        record_reauthentication(request, user)


def record_reauthentication(
    request: HttpRequest | None, user: AbstractBaseUser, *, methods: Sequence[str] = ()
) -> None:
    """Store time and methods of an authentication of ``user`` in Django's session.

    A logout deletes it with the session, and a password change invalidates it.

    Args:
        request: the request with Django's session.
        user: the authenticated user.
        methods: authentication methods as values of RFC 8176.

    """
    login = get_login_session(request, user)
    if login is not None:
        login[_AUTHENTICATION_KEY] = {
            "at": timezone.now().isoformat(),
            "auth": get_auth_hash(user),
            "methods": list(methods),
        }


def login_is_recent(request: HttpRequest, user: AbstractBaseUser) -> bool:
    """Whether the last authentication of the user is newer than ``REAUTHENTICATION_MAX_AGE``.

    A user with a second factor must have verified it on the page, because the factors of Django's
    login are unknown (ASVS 6.3.4).

    Uses the clocks of the application servers, as Django's sessions do. A time in the future is
    accepted up to ``LEEWAY``, because the clock of another server may be ahead.
    """
    login = get_login_session(request, user)
    last = login.get(_AUTHENTICATION_KEY) if login is not None else None
    if last is None or not auth_hash_is_valid(user, last["auth"]):
        return False
    age: timedelta = timezone.now() - datetime.fromisoformat(last["at"])
    settings = get_settings()
    if not -settings.LEEWAY <= age <= settings.REAUTHENTICATION_MAX_AGE:
        return False
    return not lacks_second_factor(user, last["methods"])


def connect() -> None:
    """Connect the receivers to their signals."""
    session_started.connect(
        remember_current_session,
        sender=DeviceSession,
        dispatch_uid="refresh_sessions.remember_current_session",
    )
    user_logged_in.connect(record_login, dispatch_uid="refresh_sessions.record_login")
