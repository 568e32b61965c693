"""How long sessions and tokens live, and how many there may be, per user and per request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from django.http import HttpRequest
from django.utils.module_loading import import_string

from refresh_sessions.conf import get_settings
from refresh_sessions.users import ProjectUser

if TYPE_CHECKING:
    from refresh_sessions.models import DeviceSession


class SessionPolicy:
    """The default policy: what the settings say, for everybody.

    Subclass it, override what shall differ, and name the class in ``POLICY``::

        class Policy(SessionPolicy):
            def session_lifetime(
                self, user: User, *, request: HttpRequest | None, data: Mapping[str, Any]
            ) -> timedelta:
                if user.is_staff:
                    return timedelta(hours=12)
                if data.get("remember_me"):
                    return timedelta(days=30)
                return super().session_lifetime(user, request=request, data=data)

    In typed code ``User`` is the project's user model. One instance serves all requests: keep no
    state in it.
    """

    def may_continue(
        self, user: ProjectUser, *, session: DeviceSession | None, request: HttpRequest | None
    ) -> bool:
        """Whether the user may log in or go on; False is answered with 401.

        Called after ``is_active``, the default manager of the user model and the authentication
        backend have agreed: at login, second step, refresh, re-authentication, opening of a
        family and introspection, and for each access token that is checked. So make no query.

        A refusal revokes nothing: the session is usable again when this returns True again.
        ``session`` is None at login, and where ``ACCESS_TOKEN_CHECK`` reads no session.
        ``request`` is the client's; None if there is none, as at introspection.
        """
        return True

    def session_lifetime(
        self, user: ProjectUser, *, request: HttpRequest | None, data: Mapping[str, Any]
    ) -> timedelta:
        """From sign-in to the hard expiry.

        ``data`` is what the login serializer validated besides the credentials; add fields such
        as ``remember_me`` by a serializer of your own (``LOGIN_SERIALIZER``).
        """
        return get_settings().SESSION_LIFETIME

    def refresh_token_lifetime(
        self, user: ProjectUser, *, session: DeviceSession, request: HttpRequest | None
    ) -> timedelta:
        """How long a session may lie idle; each rotation starts it anew."""
        return get_settings().REFRESH_TOKEN_LIFETIME

    def access_token_lifetime(
        self, user: ProjectUser, *, session: DeviceSession, request: HttpRequest | None
    ) -> timedelta:
        """How long an access token is accepted."""
        return get_settings().ACCESS_TOKEN_LIFETIME

    def access_token_claims(
        self, user: ProjectUser, *, session: DeviceSession, request: HttpRequest | None
    ) -> Mapping[str, Any]:
        """More claims for access tokens, such as a tenant; read as ``claims.extra``.

        Whoever holds the token can read them, and they are as old as the token: decide about
        permissions by the database. The claims that this package sets cannot be overridden, and
        all of it together must stay small; otherwise ``ExtraClaimsError`` is raised.
        """
        return {}

    def max_refreshes(self, user: ProjectUser, *, session: DeviceSession) -> int | None:
        """How many refreshes a session may have; None for no limit."""
        return get_settings().MAX_REFRESHES_PER_SESSION

    def max_sessions(self, user: ProjectUser, *, request: HttpRequest | None) -> int | None:
        """How many devices may be signed in at a time; None for no limit (ASVS 7.1.2)."""
        return get_settings().MAX_SESSIONS_PER_USER

    def reuse_ends(
        self, user: ProjectUser, *, session: DeviceSession
    ) -> Literal["session", "user"]:
        """What a used refresh token that comes back ends: its session, or all of the user's."""
        return "session"


def get_policy() -> SessionPolicy:
    """The policy named by the setting ``POLICY``."""
    return _policy(get_settings().POLICY)


@lru_cache(maxsize=8)
def _policy(path: str) -> SessionPolicy:
    policy: SessionPolicy = import_string(path)()
    return policy
