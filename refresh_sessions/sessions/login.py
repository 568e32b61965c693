"""Login: a session, its first family and the first token pair, within the limit of sessions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.db import Error, router
from django.db.models import Subquery
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.account_access import get_backend_path, may_continue
from refresh_sessions.conf import get_settings
from refresh_sessions.database import DatabaseNow, after_commit, commit_once, retry_transient
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
from refresh_sessions.sessions.locks import lock_user, read_after_lock
from refresh_sessions.sessions.presented_token import new_companion
from refresh_sessions.sessions.queries import family_exists, read_clock
from refresh_sessions.sessions.revoke import (
    BATCH_SIZE,
    Revocation,
    announce_revocation,
    revoke_many,
    revoke_sessions,
)
from refresh_sessions.signals import session_started
from refresh_sessions.tenants import cache_prefix
from refresh_sessions.tokens.refresh_tokens import hash_secret, new_secret
from refresh_sessions.users import get_auth_hash, get_password_fingerprint

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

logger = logging.getLogger("refresh_sessions")

UNLOCKED_LOGINS: Final = 32
"""Logins of one user at the same moment for which a limit leaves room without a lock.

A lock costs two statements more at each login. So a large limit takes it only where less room
than this is left; a small one, and one that refuses logins, always.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimit:
    """Room for one more session, and what was revoked for it."""

    now: datetime
    """The database's clock."""
    revoked: Sequence[DeviceSession] = ()
    surplus: Sequence[UUID] = field(default=(), repr=False)
    """Sessions to be revoked after the commit: those beyond one batch, and those that the account
    forbids to use, each for its reason."""
    tenant_prefix: str = field(default_factory=cache_prefix)
    """Of the tenant that was in force when room was made: the commit may come later."""

    def announce(self, request: HttpRequest | None) -> None:
        """Tell of the revoked sessions once they are committed, and revoke the surplus.

        Best effort: the next login revokes what a failure leaves.
        """
        revocation = replace(_limit_revocation(request), tenant_prefix=self.tenant_prefix)
        announce_revocation(self.revoked, revocation)
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
    """Revoke the user's oldest sessions until one more fits. Call it inside a transaction.

    A single SELECT where the user has few sessions or no limit.

    Raises:
        NoActiveAccountError: the account has been deleted, or the default manager hides it.
        SessionLimitReachedError: no session fits and ``ON_SESSION_LIMIT`` is "deny".

    """
    limit = get_policy().max_sessions(user, request=request)
    if limit is None:
        return SessionLimit(now=read_clock(user, using=using))
    unlocked = limit > UNLOCKED_LOGINS and get_settings().ON_SESSION_LIMIT != "deny"
    if unlocked:
        now, crowded = _read_clock_and_count(user, limit - UNLOCKED_LOGINS, using=using)
        if not crowded:
            return SessionLimit(now=now)
    lock_user(user, using=using)
    now = read_clock(user, using=using)
    live, locked_out = _read_sessions(user, using=using, read_before_lock=unlocked)
    surplus = live[limit - 1 :]
    if surplus and get_settings().ON_SESSION_LIMIT == "deny":
        raise SessionLimitReachedError
    first, rest = surplus[:BATCH_SIZE], surplus[BATCH_SIZE:]
    revoked = revoke_many(first, _limit_revocation(request), using=using) if first else []
    return SessionLimit(now=now, revoked=revoked, surplus=[*rest, *locked_out])


def _read_clock_and_count(
    user: AbstractBaseUser, number: int, *, using: str
) -> tuple[datetime, bool]:
    """The database's clock, and whether the user has this many live sessions, in one SELECT."""
    live = DeviceSession.objects.unended().for_user(user).values("pk")
    account = get_user_model()._default_manager.using(using).filter(pk=user.pk)
    read: Any = account.values_list(DatabaseNow(), Subquery(live[number - 1 : number])).first()
    if read is None:
        raise NoActiveAccountError
    now, last = read
    return now, last is not None


def _read_sessions(
    user: AbstractBaseUser, *, using: str, read_before_lock: bool
) -> tuple[list[UUID], list[UUID]]:
    """The keys of the user's sessions, the newest first: live ones, and locked out ones.

    Sessions that the account forbids to use take no room.
    """
    sessions = DeviceSession.objects.using(using).unended().for_user(user)
    # With the user as stored: the object of the caller's may be older.
    newest_first = sessions.select_related("user").order_by("-created_at", "pk")
    live: list[UUID] = []
    locked_out: list[UUID] = []
    read = read_after_lock(newest_first, using=using, read_before=read_before_lock)
    for session in read.iterator(chunk_size=BATCH_SIZE):
        (locked_out if session.account_reason else live).append(session.pk)
    return live, locked_out


def _limit_revocation(request: HttpRequest | None) -> Revocation:
    return Revocation(reason=RevokedReason.SESSION_LIMIT, request=request)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Who signs in, where and how."""

    user: AbstractBaseUser
    request: HttpRequest | None
    name: str
    methods: Sequence[str]
    data: Mapping[str, Any]
    using: str
    authenticated: bool = True
    """Whether identity was proven just now."""
    before_create: Callable[[], object] = lambda: None
    """What is done first, in the same transaction; it may refuse by raising."""
    secret: str = field(default_factory=new_secret, repr=False)
    companion: str | None = field(default_factory=new_companion, repr=False)

    @sensitive_variables()
    def execute(self) -> TokenPair:
        """Start the session, tell of it, and issue its first tokens."""
        if not retry_transient(self.using, self._may_continue):
            raise NoActiveAccountError
        started = commit_once(
            self.using,
            lambda: _start(self),
            is_committed=lambda started: family_exists(started.family, using=self.using),
        )
        after_commit(self.using, lambda: _announce(started, self.request))
        pair = issue_pair(
            started.family,
            secret=self.secret,
            now=started.limit.now,
            request=self.request,
            extra=started.extra,
        )
        return replace(pair, companion=self.companion)

    def _may_continue(self) -> bool:
        backend = get_backend_path(self.user)
        return may_continue(self.user, backend=backend, session=None, request=self.request)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Started:
    """What a sign-in changed in the database."""

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
    """Sign a user in on a device, after any proof of identity that satisfies the caller.

    May be called inside a transaction; signals are sent once it is committed, Django's
    ``user_logged_in`` among them, which sets ``last_login``.

    Args:
        user: who has been authenticated; the session stores ``user.backend`` where Django or the
            caller has set it.
        request: the request that asked for it, for address and user agent.
        name: what the client calls the device; cut to 128 characters.
        methods: how identity was proven, in the words of RFC 8176 (``"pwd"``, ``"otp"``).
        data: more about this sign-in, for the policy object.
        authenticated: False if the user did not authenticate just now, as in the exchange of a
            token of another system: a sensitive action then requires re-authentication.

    Raises:
        NoActiveAccountError: the account has been deleted or may not log in.
        SessionLimitReachedError: too many live sessions and ``ON_SESSION_LIMIT`` is "deny".
        DatabaseBusyError: the database did not take the session in several tries.

    """
    sign_in = SignIn(
        user=user,
        request=request,
        name=name,
        methods=methods,
        data=data or {},
        authenticated=authenticated,
        using=router.db_for_write(DeviceSession),
    )
    return sign_in.execute()


def _start(sign_in: SignIn) -> _Started:
    sign_in.before_create()
    limit = enforce_session_limit(sign_in.user, request=sign_in.request, using=sign_in.using)
    session = _create_session(sign_in, limit.now)
    family = _create_family(sign_in, session, limit.now)
    record_events([session.pk], EventKind.SIGNED_IN, request=sign_in.request, using=sign_in.using)
    session.known_families = [family]
    # Here, so that a policy that fails leaves no session behind that nobody has tokens of.
    extra = get_extra_claims(session, request=sign_in.request)
    return _Started(family=family, limit=limit, extra=extra)


def _create_session(sign_in: SignIn, now: datetime) -> DeviceSession:
    user, request = sign_in.user, sign_in.request
    device = read_device(request)
    lifetime = get_policy().session_lifetime(user, request=request, data=sign_in.data)
    session = DeviceSession(
        name=strip_control_chars(sign_in.name)[:NAME_LENGTH],
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
    session.save(using=sign_in.using, force_insert=True)
    return session


def _create_family(sign_in: SignIn, session: DeviceSession, now: datetime) -> TokenFamily:
    return TokenFamily.objects.using(sign_in.using).create(
        session=session,
        secret_digest=hash_secret(sign_in.secret),
        companion_digest=hash_secret(sign_in.companion) if sign_in.companion else "",
        idle_expires_at=get_idle_expiry(session, now=now, request=sign_in.request),
        last_ip_address=session.ip_address,
        last_user_agent=session.user_agent,
        authenticated_at=now if sign_in.authenticated else None,
        authentication_methods=list(sign_in.methods),
    )


def _announce(started: _Started, request: HttpRequest | None) -> None:
    session = started.family.session
    started.limit.announce(request)
    user_logged_in.send_robust(
        # The model, as Django has it: the user may be lazy, like ``request.user``.
        sender=session.user.__class__,
        request=request,
        user=session.user,
        device_session=session,
    )
    session_started.send_robust(
        sender=DeviceSession, session=session, family=started.family, request=request
    )
