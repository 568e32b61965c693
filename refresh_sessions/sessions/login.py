"""Login: create a session, its first family and token pair, within the limit of sessions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib.auth.signals import user_logged_in
from django.db import Error, router
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.account_access import get_backend_path, may_continue
from refresh_sessions.batches import BATCH_SIZE
from refresh_sessions.conf import get_settings
from refresh_sessions.database import after_commit, commit_once, retry_transient
from refresh_sessions.devices import read_device, strip_control_chars
from refresh_sessions.events.record import record_events
from refresh_sessions.exceptions import (
    DatabaseBusyError,
    NoActiveAccountError,
    SessionLimitReachedError,
)
from refresh_sessions.models import DeviceSession, EventKind, RevokedReason, TokenFamily
from refresh_sessions.models.relations import relate
from refresh_sessions.models.sessions import BACKEND_LENGTH, NAME_LENGTH
from refresh_sessions.policies import get_policy
from refresh_sessions.sessions.issue import (
    TokenPair,
    get_extra_claims,
    get_idle_expiry,
    issue_pair,
)
from refresh_sessions.sessions.key_binding import (
    NewBinding,
    read_new_binding,
    require_binding,
)
from refresh_sessions.sessions.locks import lock_user, read_after_lock
from refresh_sessions.sessions.presented_token import new_companion
from refresh_sessions.sessions.queries import family_exists, read_clock, read_clock_and_count
from refresh_sessions.sessions.revoke import (
    Revocation,
    announce_revocation,
    revoke_many,
    revoke_sessions,
)
from refresh_sessions.signals import session_started
from refresh_sessions.sql import insert
from refresh_sessions.tokens.refresh_tokens import hash_secret, new_secret
from refresh_sessions.users import get_auth_hash, get_password_fingerprint

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

logger = logging.getLogger("refresh_sessions")

UNLOCKED_LOGINS: Final = 32
"""Concurrent logins of one user that the session limit tolerates without a lock.

A lock costs two statements. With a larger limit, logins lock the user only when fewer sessions
than this are left. With a smaller limit, or with ``ON_SESSION_LIMIT = "deny"``, they always do.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimit:
    """The result of enforcing the session limit before a login."""

    now: datetime
    """The database's clock."""
    revoked: Sequence[DeviceSession] = ()
    surplus: Sequence[UUID] = field(default=(), repr=False)
    """Sessions to revoke after the commit: those beyond one batch, and those locked out."""
    revocation: Revocation | None = None
    """The revocation of both; None if the login was far below the limit."""

    def announce(self, request: HttpRequest | None) -> None:
        """Announce the revocations after their commit, and revoke the surplus.

        Best effort: the next login revokes sessions that remain after a failure.
        """
        if self.revocation is None:
            return
        announce_revocation(self.revoked, self.revocation)
        for start in range(0, len(self.surplus), BATCH_SIZE):
            batch = self.surplus[start : start + BATCH_SIZE]
            sessions = DeviceSession.objects.filter(pk__in=batch)
            try:
                revoke_sessions(sessions, reason=RevokedReason.SESSION_LIMIT, request=request)
            except (DatabaseBusyError, Error) as error:
                logger.warning("Sessions beyond the limit are still live: %s", error)
                return


def enforce_session_limit(
    user: AbstractBaseUser, *, request: HttpRequest | None, using: str
) -> SessionLimit:
    """Revoke the user's oldest sessions so that a new one is within the limit.

    Call it inside a transaction. Takes one SELECT if the user has no limit or is far below it.

    Raises:
        NoActiveAccountError: the account was deleted, or the default manager hides it.
        SessionLimitReachedError: the limit is reached, and ``ON_SESSION_LIMIT`` is "deny".

    """
    limit = get_policy().max_sessions(user, request=request)
    if limit is None:
        return SessionLimit(now=read_clock(user, using=using))
    unlocked = limit > UNLOCKED_LOGINS and get_settings().ON_SESSION_LIMIT != "deny"
    if unlocked:
        now, near_limit = read_clock_and_count(user, limit - UNLOCKED_LOGINS, using=using)
        if not near_limit:
            return SessionLimit(now=now)
    lock_user(user, using=using)
    now = read_clock(user, using=using)
    live, locked_out = _read_sessions(user, using=using, read_before_lock=unlocked)
    surplus = live[limit - 1 :]
    if surplus and get_settings().ON_SESSION_LIMIT == "deny":
        raise SessionLimitReachedError
    first, rest = surplus[:BATCH_SIZE], surplus[BATCH_SIZE:]
    revocation = Revocation(reason=RevokedReason.SESSION_LIMIT, request=request)
    revoked = revoke_many(first, revocation, using=using) if first else []
    return SessionLimit(
        now=now, revoked=revoked, surplus=[*rest, *locked_out], revocation=revocation
    )


def _read_sessions(
    user: AbstractBaseUser, *, using: str, read_before_lock: bool
) -> tuple[list[UUID], list[UUID]]:
    """The keys of the user's live and locked out sessions, the newest first.

    Sessions that the account locks out do not count for the limit.
    """
    sessions = DeviceSession.objects.using(using).unended().for_user(user)
    # With the stored user: the caller's object may be outdated.
    newest_first = sessions.select_related("user").order_by("-created_at", "pk")
    live: list[UUID] = []
    locked_out: list[UUID] = []
    rows = read_after_lock(newest_first, using=using, read_before=read_before_lock)
    for session in rows.iterator(chunk_size=BATCH_SIZE):
        (locked_out if session.account_reason else live).append(session.pk)
    return live, locked_out


def require_access(user: AbstractBaseUser, *, request: HttpRequest | None, using: str) -> None:
    """Refuse a login of a user who may not log in.

    Raises:
        NoActiveAccountError: account, backend or policy refuses the user.
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    backend = get_backend_path(user)
    if not retry_transient(
        using, lambda: may_continue(user, backend=backend, session=None, request=request)
    ):
        raise NoActiveAccountError


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A login of an authenticated user."""

    user: AbstractBaseUser
    request: HttpRequest | None
    name: str
    methods: Sequence[str]
    data: Mapping[str, Any]
    using: str
    companion: str | None = field(repr=False)
    """From ``new_companion``."""
    binding: NewBinding
    """From ``read_new_binding``."""
    authenticated: bool = True
    """Whether the user has authenticated for this login."""
    before_create: Callable[[], object] = lambda: None
    """Called first in the transaction; an exception cancels the login."""
    secret: str = field(default_factory=new_secret, repr=False)

    @sensitive_variables()
    def execute(self) -> TokenPair:
        """Create the session, send signals after the commit, and issue the first tokens."""
        require_access(self.user, request=self.request, using=self.using)
        require_binding(self.user, self.binding.kind, request=self.request, may_register=True)
        result = commit_once(
            self.using,
            lambda: _save(self),
            is_committed=lambda result: family_exists(result.family, using=self.using),
        )
        after_commit(self.using, lambda: _announce(result, self.request))
        pair = issue_pair(
            result.family,
            secret=self.secret,
            now=result.limit.now,
            request=self.request,
            extra=result.extra,
        )
        return replace(pair, companion=self.companion)


@dataclass(frozen=True, slots=True, kw_only=True)
class _LoginResult:
    """The rows that a login has written, and the extra claims."""

    family: TokenFamily
    limit: SessionLimit
    extra: Mapping[str, Any]


@sensitive_variables()
def start_session(
    user: AbstractBaseUser,
    *,
    request: HttpRequest | None = None,
    name: str = "",
    methods: Sequence[str] = (),
    data: Mapping[str, Any] | None = None,
    authenticated: bool = True,
) -> TokenPair:
    """Start a session for an authenticated user on a device.

    May be called inside a transaction. Signals are sent after its commit. Among them is Django's
    ``user_logged_in``, which sets ``last_login``.

    Args:
        user: the authenticated user; the session stores ``user.backend`` if that is set.
        request: the request for address and user agent, or None.
        name: the name of the device; truncated to 128 characters.
        methods: the verified methods, as authentication method references of RFC 8176 (``"pwd"``,
            ``"otp"``).
        data: more about this login, for the policy.
        authenticated: False if the user did not authenticate for this login, as in an exchange of
            a token of another system. Sensitive actions then require re-authentication.

    Returns:
        The first token pair.

    Raises:
        NoActiveAccountError: the account was deleted or may not log in.
        InvalidDPoPProofError: the request has a header ``DPoP`` without a valid proof.
        DPoPNonceRequiredError: the proof of the request lacks a recent nonce.
        BindingRequiredError: the policy requires a proof, which the request lacks.
        SessionLimitReachedError: too many live sessions, and ``ON_SESSION_LIMIT`` is "deny".
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    login = Login(
        user=user,
        request=request,
        name=name,
        methods=methods,
        data=data or {},
        authenticated=authenticated,
        using=router.db_for_write(DeviceSession),
        companion=new_companion(request),
        binding=read_new_binding(request),
    )
    return login.execute()


def _save(login: Login) -> _LoginResult:
    login.before_create()
    limit = enforce_session_limit(login.user, request=login.request, using=login.using)
    session = _create_session(login, limit.now)
    family = _create_family(login, session, limit.now)
    record_events([session.pk], EventKind.SIGNED_IN, request=login.request, using=login.using)
    session.known_families = [family]
    # In the transaction: an error of the policy rolls the new session back.
    extra = get_extra_claims(session, request=login.request)
    return _LoginResult(family=family, limit=limit, extra=extra)


def _create_session(login: Login, now: datetime) -> DeviceSession:
    user, request = login.user, login.request
    device = read_device(request)
    lifetime = get_policy().session_lifetime(user, request=request, data=login.data)
    session = DeviceSession(
        name=strip_control_chars(login.name)[:NAME_LENGTH],
        user_agent=device.user_agent,
        client_hints=device.hints.to_store(),
        kind=device.kind,
        ip_address=device.ip_address,
        created_at=now,
        expires_at=now + lifetime,
        backend=get_backend_path(user)[:BACKEND_LENGTH],
        auth_hash=get_auth_hash(user),
        password_fingerprint=get_password_fingerprint(user),
    )
    relate(session, "user", user)
    insert(session, using=login.using)
    return session


def _create_family(login: Login, session: DeviceSession, now: datetime) -> TokenFamily:
    family = TokenFamily(
        session=session,
        secret_digest=hash_secret(login.secret),
        companion_digest=hash_secret(login.companion) if login.companion else "",
        idle_expires_at=get_idle_expiry(session, now=now, request=login.request),
        last_ip_address=session.ip_address,
        last_user_agent=session.user_agent,
        authenticated_at=now if login.authenticated else None,
        authentication_methods=list(login.methods),
    )
    login.binding.apply(family)
    insert(family, using=login.using)
    return family


def _announce(result: _LoginResult, request: HttpRequest | None) -> None:
    session = result.family.session
    result.limit.announce(request)
    user_logged_in.send_robust(
        # As in Django, also for a lazy user such as request.user.
        sender=session.user.__class__,
        request=request,
        user=session.user,
        device_session=session,
    )
    session_started.send_robust(
        sender=DeviceSession, session=session, family=result.family, request=request
    )
