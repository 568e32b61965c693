"""Seeds: 30 days with 200 sessions of 25 users, so that lists and the overview have content.

Equal in each database except for the times, the keys of families and the digests. No token of a
seeded session exists.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from example_project.demo.accounts import STAFF, USERNAME
from example_project.demo.sample_clients import (
    ATTACKER_ADDRESS,
    ATTACKER_SCRIPT,
    DEVICES,
    NETWORKS,
    SampleDevice,
)
from refresh_sessions.devices import ClientHints, get_device_kind
from refresh_sessions.models import (
    DeviceSession,
    EventKind,
    RevokedReason,
    SessionEvent,
    TokenFamily,
)
from refresh_sessions.tokens.refresh_tokens import hash_secret, new_secret
from refresh_sessions.users import get_auth_hash, get_password_fingerprint

DAYS: Final = 30
SESSIONS: Final = 200

COLLEAGUES: Final = (
    "anna.keller", "bruno.silva", "chen.wei", "dilara.yildiz", "erik.lund", "fatima.haddad",
    "grace.okafor", "hana.sato", "ivan.petrov", "julia.rossi", "kofi.mensah", "lena.novak",
    "marta.lopez", "nils.berg", "olga.ivanova", "pedro.costa", "quentin.roy", "rosa.marin",
    "sven.olsen", "tara.nair", "umar.khan", "vera.horvat", "wanda.kowal", "yusuf.demir",
)  # fmt: skip

_LIFETIME: Final = timedelta(days=7)

_ENDINGS: Final[dict[str, int]] = {
    # The chances in percent; the rest of the sessions lasts until the deadline.
    "": 55,
    RevokedReason.LOGOUT: 31,
    RevokedReason.USER: 6,
    RevokedReason.ADMIN: 3,
    RevokedReason.PASSWORD_CHANGED: 3,
    RevokedReason.REUSE: 2,
}

_KINDS: Final[dict[str, EventKind]] = {
    RevokedReason.LOGOUT: EventKind.SIGNED_OUT,
    RevokedReason.REUSE: EventKind.REUSE_DETECTED,
}

_BY_USER: Final = {RevokedReason.LOGOUT, RevokedReason.USER, RevokedReason.PASSWORD_CHANGED}


def seed() -> int:
    """Create the rows, in the first call; return the number of new sessions.

    Creates nothing if a user has the name of a seeded one: these may be real accounts.
    """
    if User.objects.filter(username__in=COLLEAGUES).exists():
        return 0
    with transaction.atomic():
        User.objects.bulk_create(_colleague(name) for name in COLLEAGUES)
        users = list(User.objects.filter(username__in=[USERNAME, *COLLEAGUES]).order_by("pk"))
        staff = User.objects.get(username=STAFF)
        now = timezone.now()
        lives = sorted(_lives(Random(14), users, now), key=lambda life: life.began)  # noqa: S311
        DeviceSession.objects.bulk_create(life.session(staff) for life in lives)
        TokenFamily.objects.bulk_create(life.family() for life in lives)
        events = [event for life in lives for event in life.events(staff)]
        SessionEvent.objects.bulk_create(sorted(events, key=lambda event: event.created_at))
    return len(lives)


def _colleague(name: str) -> User:
    first, last = (part.title() for part in name.split("."))
    user = User(username=name, first_name=first, last_name=last, email=f"{name}@example.org")
    user.set_unusable_password()
    return user


@dataclass(frozen=True, slots=True, kw_only=True)
class _Life:
    """One session from login to its last event."""

    user: User
    device: SampleDevice
    address: str
    began: datetime
    used: datetime
    ended: datetime | None
    ending: str
    generation: int
    id: uuid.UUID

    def session(self, staff: User) -> DeviceSession:
        hints = ClientHints()
        return DeviceSession(
            id=self.id,
            user=self.user,
            name=self.device.name.format(first_name=self.user.first_name),
            user_agent=self.device.user_agent,
            kind=get_device_kind(self.device.user_agent, hints),
            ip_address=self.address,
            created_at=self.began,
            expires_at=self.began + _LIFETIME,
            revoked_at=self.ended,
            revoked_reason=self.ending,
            revoked_by=self._actor(staff),
            reuse_detected_at=self.ended if self.ending == RevokedReason.REUSE else None,
            auth_hash=get_auth_hash(self.user),
            password_fingerprint=get_password_fingerprint(self.user),
        )

    def family(self) -> TokenFamily:
        return TokenFamily(
            session_id=self.id,
            secret_digest=hash_secret(new_secret()),
            generation=self.generation,
            rotated_at=self.used,
            delivered_at=self.used,
            idle_expires_at=self.began + _LIFETIME,
            last_ip_address=self.address,
            last_user_agent=self.device.user_agent,
            authenticated_at=self.began,
            authentication_methods=["pwd"],
        )

    def events(self, staff: User) -> Iterator[SessionEvent]:
        yield self._event(EventKind.SIGNED_IN, self.began, self.user, {"methods": ["pwd"]})
        if self.ended is None:
            return
        kind = _KINDS.get(self.ending, EventKind.REVOKED)
        details: dict[str, object] = {"reason": self.ending}
        if kind is EventKind.REUSE_DETECTED:
            details |= {
                "generation": self.generation - 1,
                "newest_generation": self.generation,
                "ip_address": ATTACKER_ADDRESS,
                "user_agent": ATTACKER_SCRIPT,
                "other_ip_address": self.address,
                "other_user_agent": self.device.user_agent,
            }
        yield self._event(kind, self.ended, self._actor(staff), details)

    def _event(
        self, kind: EventKind, at: datetime, actor: User | None, details: dict[str, object]
    ) -> SessionEvent:
        address = ATTACKER_ADDRESS if kind is EventKind.REUSE_DETECTED else self.address
        return SessionEvent(
            session_id=self.id,
            kind=kind,
            created_at=at,
            ip_address=address,
            actor=actor,
            details=details,
        )

    def _actor(self, staff: User) -> User | None:
        if self.ending == RevokedReason.ADMIN:
            return staff
        return self.user if self.ending in _BY_USER else None


def _lives(random: Random, users: list[User], now: datetime) -> Iterator[_Life]:
    for number in range(SESSIONS):
        # The first round gives each user a session; then some log in more often than others.
        at = number if number < len(users) else int(len(users) * random.random() ** 1.5)
        yield _life(random, users[at], now)


def _life(random: Random, user: User, now: datetime) -> _Life:
    began = now - timedelta(days=DAYS * random.random() ** 1.2, minutes=2)
    last = min(now - timedelta(minutes=1), began + _LIFETIME)
    # Colleagues have few devices and networks, so a name has a favourite of each.
    favourite = sum(user.username.encode())
    device = DEVICES[(favourite + random.choice((0, 0, 1, 1, 3))) % len(DEVICES)]
    network = NETWORKS[(favourite + random.choice((0, 0, 0, 1))) % len(NETWORKS)]
    used = began + (last - began) * random.random()
    (ending,) = random.choices(list(_ENDINGS), list(_ENDINGS.values()))
    return _Life(
        user=user,
        device=device,
        address=f"{network.prefix}.{favourite % 200 + 20}",
        began=began,
        used=used,
        ended=used + (last - used) * random.random() if ending else None,
        ending=ending,
        generation=2 + int((used - began) / timedelta(hours=2)),
        id=uuid.UUID(int=random.getrandbits(128), version=4),
    )
