"""Session policy: lifetimes, limits and extra claims per user and request."""

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

__all__ = ["SessionPolicy"]


class SessionPolicy:
    """The default policy: the values of the settings for all users.

    Subclass it, override methods, and set ``POLICY`` to the dotted path of the class::

        class Policy(SessionPolicy):
            def session_lifetime(
                self, user: User, *, request: HttpRequest | None, data: Mapping[str, Any]
            ) -> timedelta:
                if user.is_staff:
                    return timedelta(hours=12)
                if data.get("remember_me"):
                    return timedelta(days=30)
                return super().session_lifetime(user, request=request, data=data)

    In typed code ``User`` is the project's user model. One instance serves all requests: it must
    not have state.
    """

    def may_continue(
        self, user: ProjectUser, *, session: DeviceSession | None, request: HttpRequest | None
    ) -> bool:
        """Whether the user may log in or continue; False leads to status 401.

        Called at login, second step, refresh, re-authentication, opening of a family and
        introspection, and for each access token. So it should make no query. Not called if
        ``is_active``, the default manager of the user model or the authentication backend already
        refuses the user.

        A refusal does not revoke the session, which is usable again once this returns True.

        Args:
            user: the user.
            session: the device session; None at login, and where ``ACCESS_TOKEN_CHECK`` reads no
                session.
            request: the request of the client, or None, as at introspection.

        """
        return True

    def session_lifetime(
        self, user: ProjectUser, *, request: HttpRequest | None, data: Mapping[str, Any]
    ) -> timedelta:
        """The time from login to the hard deadline.

        Args:
            user: the user who logs in.
            request: the request of the login, or None.
            data: the validated fields of the login serializer, without the credentials. A custom
                ``LOGIN_SERIALIZER`` adds fields such as ``remember_me``.

        """
        return get_settings().SESSION_LIFETIME

    def refresh_token_lifetime(
        self, user: ProjectUser, *, session: DeviceSession, request: HttpRequest | None
    ) -> timedelta:
        """The idle limit of a session; each rotation restarts it."""
        return get_settings().REFRESH_TOKEN_LIFETIME

    def access_token_lifetime(
        self, user: ProjectUser, *, session: DeviceSession, request: HttpRequest | None
    ) -> timedelta:
        """The lifetime of an access token."""
        return get_settings().ACCESS_TOKEN_LIFETIME

    def access_token_claims(
        self, user: ProjectUser, *, session: DeviceSession, request: HttpRequest | None
    ) -> Mapping[str, Any]:
        """Additional claims of access tokens, such as a tenant; views read ``claims.extra``.

        Clients can read the claims, and the claims may be outdated: check permissions in the
        database. ``ExtraClaimsError`` is raised if a claim has the name of a claim of this package
        or if the token becomes too long.
        """
        return {}

    def require_binding(self, user: ProjectUser, *, request: HttpRequest | None) -> bool:
        """Whether the sessions of the user must be bound to a key, as with DPoP.

        Called at login and, for a session without a key, at refresh, re-authentication and opening
        of a family. There True leads to status 403 ``binding_required``. With
        ``DEVICE_BOUND_SESSIONS`` a browser has five minutes after a login or re-authentication to
        register its key; only then are refreshes refused. Views that need a bound session for some
        requests only, such as large transfers, use ``RequireBinding``.

        Args:
            user: the user.
            request: the request of the client, or None.

        """
        return get_settings().DPOP == "require"

    def max_refreshes(self, user: ProjectUser, *, session: DeviceSession) -> int | None:
        """The maximum number of refreshes of a session; None for no limit."""
        return get_settings().MAX_REFRESHES_PER_SESSION

    def max_sessions(self, user: ProjectUser, *, request: HttpRequest | None) -> int | None:
        """The maximum number of live sessions of a user; None for no limit (ASVS 7.1.2)."""
        return get_settings().MAX_SESSIONS_PER_USER

    def reuse_ends(
        self, user: ProjectUser, *, session: DeviceSession
    ) -> Literal["session", "user"]:
        """What reuse of a refresh token revokes: its session, or all sessions of the user."""
        return "session"


def get_policy() -> SessionPolicy:
    """The policy of the setting ``POLICY``."""
    return _load_policy(get_settings().POLICY)


@lru_cache(maxsize=8)
def _load_policy(path: str) -> SessionPolicy:
    policy: SessionPolicy = import_string(path)()
    return policy
