"""Signing in: a session, its first family and the first pair of tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib.auth.signals import user_logged_in
from django.db import router
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.account_access import backend_of, may_continue
from refresh_sessions.accounts import auth_digest, password_fingerprint
from refresh_sessions.database import after_commit, commit_when_busy, retry_when_busy
from refresh_sessions.devices import device_of, printable
from refresh_sessions.exceptions import NoActiveAccountError
from refresh_sessions.models import DeviceSession, EventKind, TokenFamily
from refresh_sessions.models.relations import relate
from refresh_sessions.models.sessions import BACKEND_LENGTH, NAME_LENGTH
from refresh_sessions.policies import get_policy
from refresh_sessions.sessions.issuing import TokenPair, extra_claims, idle_expiry, issue_pair
from refresh_sessions.sessions.limiting import Room, make_room
from refresh_sessions.sessions.presenting import new_companion
from refresh_sessions.sessions.reading import is_stored
from refresh_sessions.sessions.recording import record
from refresh_sessions.signals import session_started
from refresh_sessions.tokens.refresh import digest, new_secret

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Who signs in, where and how."""

    user: AbstractBaseUser
    request: HttpRequest | None
    name: str
    methods: Sequence[str]
    data: Mapping[str, Any]
    using: str
    proven: bool = True
    """Whether identity was proven just now."""
    claim: Callable[[], object] = lambda: None
    """What is done first, in the same transaction; it may refuse by raising."""
    secret: str = field(default_factory=new_secret, repr=False)
    companion: str | None = field(default_factory=new_companion, repr=False)

    @sensitive_variables()
    def carry_out(self) -> TokenPair:
        """Start the session, tell of it, and issue its first tokens."""
        if not retry_when_busy(self.using, self._may_continue):
            raise NoActiveAccountError
        started = commit_when_busy(
            self.using,
            lambda: _start(self),
            is_committed=lambda started: is_stored(started.family, using=self.using),
        )
        after_commit(self.using, lambda: _announce(started, self.request))
        pair = issue_pair(
            started.family,
            secret=self.secret,
            now=started.room.now,
            request=self.request,
            extra=started.extra,
        )
        return replace(pair, companion=self.companion)

    def _may_continue(self) -> bool:
        backend = backend_of(self.user)
        return may_continue(self.user, backend=backend, session=None, request=self.request)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Started:
    """What a sign-in changed in the database."""

    family: TokenFamily
    room: Room
    extra: Mapping[str, Any]


@sensitive_variables()
def start_session(
    user: AbstractBaseUser,
    *,
    request: HttpRequest | None = None,
    name: str = "",
    methods: Sequence[str] = (),
    data: Mapping[str, Any] | None = None,
    proven: bool = True,
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
        proven: False where nobody has proven anything just now, as when a token of another system
            is exchanged: a sensitive action then asks for a proof from the start.

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
        proven=proven,
        using=router.db_for_write(DeviceSession),
    )
    return sign_in.carry_out()


def _start(sign_in: SignIn) -> _Started:
    sign_in.claim()
    room = make_room(sign_in.user, request=sign_in.request, using=sign_in.using)
    session = _create_session(sign_in, room.now)
    family = _create_family(sign_in, session, room.now)
    record([session.pk], EventKind.SIGNED_IN, request=sign_in.request, using=sign_in.using)
    session.known_families = [family]
    # Here, so that a policy that fails leaves no session behind that nobody has tokens of.
    extra = extra_claims(session, request=sign_in.request)
    return _Started(family=family, room=room, extra=extra)


def _create_session(sign_in: SignIn, now: datetime) -> DeviceSession:
    user, request = sign_in.user, sign_in.request
    device = device_of(request)
    lifetime = get_policy().session_lifetime(user, request=request, data=sign_in.data)
    session = DeviceSession(
        name=printable(sign_in.name)[:NAME_LENGTH],
        user_agent=device.user_agent,
        client_hints=device.hints.to_store(),
        kind=device.kind,
        ip_address=device.ip_address,
        created_at=now,
        expires_at=now + lifetime,
        backend=backend_of(user)[:BACKEND_LENGTH],
        auth_hash=auth_digest(user),
        password_fingerprint=password_fingerprint(user),
    )
    relate(session, "user", user)
    session.save(using=sign_in.using, force_insert=True)
    return session


def _create_family(sign_in: SignIn, session: DeviceSession, now: datetime) -> TokenFamily:
    return TokenFamily.objects.using(sign_in.using).create(
        session=session,
        secret_digest=digest(sign_in.secret),
        companion_digest=digest(sign_in.companion) if sign_in.companion else "",
        idle_expires_at=idle_expiry(session, now=now, request=sign_in.request),
        last_ip_address=session.ip_address,
        last_user_agent=session.user_agent,
        authenticated_at=now if sign_in.proven else None,
        authentication_methods=list(sign_in.methods),
    )


def _announce(started: _Started, request: HttpRequest | None) -> None:
    session = started.family.session
    started.room.announce(request)
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
