"""How often somebody may try to prove who they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.http import HttpRequest

from refresh_sessions.rest_framework.throttling import ReauthenticateThrottle, SessionThrottle
from refresh_sessions.sessions.attempts import Attempts, attempts_of

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


class ProofThrottle(SessionThrottle):
    """Proofs per login (ASVS 6.3.1): whoever has stolen one must not guess the password by it.

    Not per user: that thief could keep the owner from signing them out.
    """

    scope = ReauthenticateThrottle.scope
    default_rate = ReauthenticateThrottle.default_rate

    def get_cache_key(self, request: HttpRequest, view: object) -> str:
        """By Django's session; where that lives in a cookie, old ones count as new, so by user."""
        return self.key_of(_login_of(request))


def proofs_of(request: HttpRequest) -> Attempts:
    """The proofs that count together, from this login."""
    user = cast("AbstractBaseUser", request.user)
    return attempts_of(user, "page", _login_of(request))


def wait_before_proof(request: HttpRequest) -> int | None:
    """Seconds to wait before the next try, or None if it may be made now; it is counted then.

    Raises:
        ThrottleUnavailableError: the cache in which tries are counted does not answer.

    """
    throttle = ProofThrottle()
    if throttle.admits(request, None):
        return None
    return max(1, round(throttle.wait() or 1))


def _login_of(request: HttpRequest) -> str:
    in_cookie = isinstance(request.session, SessionStore)
    return str(request.user.pk if in_cookie else request.session.session_key)
