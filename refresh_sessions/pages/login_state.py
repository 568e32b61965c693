"""State of the browser in Django's session: the device session, and the last proof of identity."""

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
from refresh_sessions.transports import get_transport
from refresh_sessions.users import auth_hash_is_valid, get_auth_hash

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def get_login_session(request: HttpRequest | None, user: AbstractBaseUser) -> SessionBase | None:
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


_DEVICE_SESSION_KEY: Final = "refresh_sessions.device_session"


def remember_current_session(
    *, session: DeviceSession, request: HttpRequest | None, **kwargs: Any
) -> None:
    """Note in Django's session which device session was started from the same browser.

    Only where its user is logged in already: a client of the API alone gets no session cookie.
    """
    login = get_login_session(request, session.user)
    if login is not None:
        login[_DEVICE_SESSION_KEY] = str(session.pk)


def find_current_session(request: HttpRequest, user: AbstractBaseUser) -> DeviceSession | None:
    """The live session of ``user`` on the device that sent this request, if there is one.

    The refresh cookie tells, and else what Django's session remembers. Without both this browser
    has Django's login alone.
    """
    claims = _presented_claims(request)
    candidates = [claims.session_id] if claims else []
    candidates += _remembered_ids(request)
    if not candidates:
        return None
    sessions = own_live_sessions(user).in_bulk(candidates)
    if claims and not _is_of(sessions.get(claims.session_id), claims):
        sessions.pop(claims.session_id, None)
    return next((sessions[pk] for pk in candidates if pk in sessions), None)


def _presented_claims(request: HttpRequest) -> refresh_tokens.RefreshClaims | None:
    """What the refresh token says that the browser sent by itself, as far as we issued it."""
    token = hide(get_transport(request).read(request, {}))
    if not token:
        return None
    try:
        return refresh_tokens.verify(token)
    except InvalidTokenError:
        return None


def _is_of(session: DeviceSession | None, claims: refresh_tokens.RefreshClaims) -> bool:
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
    """Take Django's login for proof of identity, by whatever it asked for.

    The start of a device session sends the same signal, and is none: a view may well start one
    for whoever is logged in, and ask for nothing.
    """
    if device_session is None:
        record_reauthentication(request, user)


def record_reauthentication(
    request: HttpRequest | None, user: AbstractBaseUser, *, methods: Sequence[str] = ()
) -> None:
    """Remember that ``user`` has just proven who they are, in the words of RFC 8176.

    Django forgets it with its session, at logout; a changed password makes it worthless.
    """
    login = get_login_session(request, user)
    if login is not None:
        login[_AUTHENTICATION_KEY] = {
            "at": timezone.now().isoformat(),
            "auth": get_auth_hash(user),
            "methods": list(methods),
        }


def login_is_recent(request: HttpRequest, user: AbstractBaseUser) -> bool:
    """Whether the last proof is of this user, and no older than ``REAUTHENTICATION_MAX_AGE``.

    Who has a second factor must have given it on the page: what Django's login asked for is not
    known here (ASVS 6.3.4).

    By the clocks of the servers, as Django's sessions are. One that comes from the future is
    believed as far as ``LEEWAY``, since another server's clock may be ahead.
    """
    login = get_login_session(request, user)
    proof = login.get(_AUTHENTICATION_KEY) if login is not None else None
    if proof is None or not auth_hash_is_valid(user, proof["auth"]):
        return False
    age: timedelta = timezone.now() - datetime.fromisoformat(proof["at"])
    settings = get_settings()
    if not -settings.LEEWAY <= age <= settings.REAUTHENTICATION_MAX_AGE:
        return False
    return not lacks_second_factor(user, proof["methods"])


def connect() -> None:
    """Have the receivers called."""
    session_started.connect(
        remember_current_session,
        sender=DeviceSession,
        dispatch_uid="refresh_sessions.remember_current_session",
    )
    user_logged_in.connect(record_login, dispatch_uid="refresh_sessions.record_login")
