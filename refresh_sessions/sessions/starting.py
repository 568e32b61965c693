"""Signing in: a session, its first family and the first pair of tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.db import router, transaction
from django.db.models import F
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.accounts import auth_digest, may_sign_in
from refresh_sessions.conf import get_settings
from refresh_sessions.database import DatabaseNow, after_commit, retry_when_busy
from refresh_sessions.devices import device_of
from refresh_sessions.exceptions import NoActiveAccountError, SessionLimitReachedError
from refresh_sessions.models import DeviceSession, EventKind, RevokedReason, TokenFamily
from refresh_sessions.policies import get_policy
from refresh_sessions.sessions.issuing import TokenPair, idle_expiry, issue_pair
from refresh_sessions.sessions.recording import record
from refresh_sessions.sessions.revoking import revoke_sessions
from refresh_sessions.signals import session_started
from refresh_sessions.tokens.refresh import digest, new_secret

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


@sensitive_variables()
def start_session(
    user: AbstractBaseUser,
    *,
    request: HttpRequest | None = None,
    name: str = "",
    methods: Sequence[str] = (),
    data: Mapping[str, Any] | None = None,
) -> TokenPair:
    """Sign a user in on a device, after any proof of identity that satisfies the caller.

    May be called inside a transaction; signals are sent once it is committed, Django's
    ``user_logged_in`` among them, which sets ``last_login``.

    Args:
        user: who has been authenticated.
        request: the request that asked for it, for address and user agent.
        name: what the client calls the device.
        methods: how identity was proven, in the words of RFC 8176 (``"pwd"``, ``"otp"``).
        data: more about this sign-in, for the policy object.

    Raises:
        NoActiveAccountError: the account is inactive or has been deleted.
        SessionLimitReachedError: too many live sessions and ``ON_SESSION_LIMIT`` is "deny".
        DatabaseBusyError: the database did not take the session in several tries.

    """
    if not may_sign_in(user):
        raise NoActiveAccountError
    using = router.db_for_write(DeviceSession)
    secret = new_secret()

    def attempt() -> tuple[TokenFamily, datetime]:
        with transaction.atomic(using=using):
            now = _make_room(user, request, using)
            session = _create_session(user, request, name, data or {}, now, using)
            family = TokenFamily.objects.using(using).create(
                session=session,
                secret_digest=digest(secret),
                idle_expires_at=idle_expiry(session, now=now, request=request),
                last_ip_address=session.ip_address,
                authenticated_at=now,
                authentication_methods=list(methods),
            )
            session.known_families = [family]
            record([session.pk], EventKind.SIGNED_IN, device=device_of(request), using=using)
        return family, now

    family, now = retry_when_busy(using, attempt)
    after_commit(using, lambda: _announce(family, request))
    return issue_pair(family, secret=secret, now=now, request=request)


def _make_room(user: AbstractBaseUser, request: HttpRequest | None, using: str) -> datetime:
    """See to the limit of sessions, and return the database's clock."""
    limit = get_policy().max_sessions(user, request=request)
    accounts = get_user_model()._base_manager.using(using).filter(pk=user.pk)
    if limit is not None:
        # Sign-ins of one user take turns here. A change that changes nothing, because it works
        # everywhere: SQLite has no row locks, and under repeatable read a lock alone would
        # leave this transaction with a view of the sessions from before its turn.
        username = get_user_model().USERNAME_FIELD
        accounts.update(**{username: F(username)})
    now: datetime | None = accounts.values_list(DatabaseNow(), flat=True).first()
    if now is None:
        raise NoActiveAccountError
    if limit is not None:
        _enforce_limit(user, limit, request, using)
    return now


def _enforce_limit(
    user: AbstractBaseUser, limit: int, request: HttpRequest | None, using: str
) -> None:
    live = DeviceSession.objects.using(using).active().for_user(user).order_by("-created_at", "pk")
    surplus = list(live.values_list("pk", flat=True))[limit - 1 :]
    if surplus and get_settings().ON_SESSION_LIMIT == "deny":
        raise SessionLimitReachedError
    if surplus:
        oldest = DeviceSession.objects.filter(pk__in=surplus)
        revoke_sessions(oldest, reason=RevokedReason.SESSION_LIMIT, request=request)


def _create_session(  # noqa: PLR0917  (a session has that many sides)
    user: AbstractBaseUser,
    request: HttpRequest | None,
    name: str,
    data: Mapping[str, Any],
    now: datetime,
    using: str,
) -> DeviceSession:
    device = device_of(request)
    return DeviceSession.objects.using(using).create(
        user=user,  # type: ignore[misc]  # the user model is the project's
        name=name,
        user_agent=device.user_agent,
        ip_address=device.ip_address,
        created_at=now,
        expires_at=now + get_policy().session_lifetime(user, request=request, data=data),
        auth_hash=auth_digest(user),
    )


def _announce(family: TokenFamily, request: HttpRequest | None) -> None:
    session = family.session
    user_logged_in.send_robust(sender=type(session.user), request=request, user=session.user)
    session_started.send_robust(
        sender=DeviceSession, session=session, family=family, request=request
    )
