"""Which of a person's device sessions is the browser before them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.http import HttpRequest

from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.hidden import hide
from refresh_sessions.html.login import login_of
from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions.listing import own_live_sessions
from refresh_sessions.tokens import refresh
from refresh_sessions.transports import get_transport

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

_KEY: Final = "refresh_sessions.device_session"


def remember_current_session(
    *, session: DeviceSession, request: HttpRequest | None, **kwargs: Any
) -> None:
    """Note in Django's session which device session was started from the same browser.

    Only where its user is logged in already: a client of the API alone gets no session cookie.
    """
    login = login_of(request, session.user)
    if login is not None:
        login[_KEY] = str(session.pk)


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


def _presented_claims(request: HttpRequest) -> refresh.RefreshClaims | None:
    """What the refresh token says that the browser sent by itself, as far as we issued it."""
    token = hide(get_transport().read(request, {}))
    if not token:
        return None
    try:
        return refresh.verify(token)
    except InvalidTokenError:
        return None


def _is_of(session: DeviceSession | None, claims: refresh.RefreshClaims) -> bool:
    if session is None:
        return False
    families = [item for item in session.known_families if item.pk == claims.family_id]
    return any(claims.matches(family.secret_digest) for family in families)


def _remembered_ids(request: HttpRequest) -> Iterator[UUID]:
    remembered = request.session.get(_KEY)
    if remembered is not None:
        yield UUID(remembered)
