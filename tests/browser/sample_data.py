"""Sample sessions for the screenshots, equal in every run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from django.db import transaction
from django.http import HttpRequest
from django.test import RequestFactory

from refresh_sessions.exceptions import InvalidDPoPProofError, ProofFault, SessionRevokedError
from refresh_sessions.models import Binding, DeviceSession, RevokedReason, TokenFamily
from refresh_sessions.sessions import refresh_session, revoke_session, start_session
from refresh_sessions.sessions.misuse import report_misuse
from tests.browser.devices import LAPTOP, PHONE
from tests.clock import Clock
from tests.factories import UserFactory

NOW = datetime(2026, 11, 23, 13, 7, tzinfo=UTC)

_WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/148.0.0.0 Safari/537.36"
)
_MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.1 Safari/605.1.15"
)
_ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/148.0.0.0 Mobile Safari/537.36"
)
_TABLET = "ExampleApp/4.2 (iPad; iPadOS 26.1)"


class SampleLogin(NamedTuple):
    """One login with its further course; times in minutes before ``NOW``."""

    who: str
    name: str
    user_agent: str
    address: str
    signed_in: int
    used: int
    ended: str = ""
    bound: bool = False
    misused: bool = False
    """Whether an attacker has presented a copied token without the key."""


LOGINS = (
    SampleLogin("anna.keller", "Anna's iPhone", PHONE, "203.0.113.24", 4, 2, bound=True),
    SampleLogin("dilara.yildiz", "iPad in the office", _TABLET, "192.0.2.181", 23, 20),
    SampleLogin("grace.okafor", "Pixel 10", _ANDROID, "203.0.113.77", 55, 48, ended="reuse"),
    SampleLogin(
        *("chen.wei", "Front desk", _WINDOWS, "203.0.113.24", 99, 11), bound=True, misused=True
    ),
    SampleLogin("fatima.haddad", "", _MAC, "192.0.2.181", 155, 136, ended="logout"),
    SampleLogin("bruno.silva", "Work laptop", _MAC, "198.51.100.230", 224, 31),
    SampleLogin(
        "anna.keller", "Chrome on Windows", _WINDOWS, "2001:db8:4f1::a2", 399, 349, ended="admin"
    ),
    SampleLogin("dilara.yildiz", "", _MAC, "198.51.100.230", 505, 55),
    SampleLogin("anna.keller", "Work laptop", LAPTOP, "198.51.100.7", 1_505, 17),
    SampleLogin("erik.lund", "Firefox on Linux", LAPTOP, "198.51.100.7", 10_500, 10_470),
)


# Number of logins on each of the last days, the latest first.
MONTH = (5, 1, 0, 6, 4, 5, 7, 4, 1, 0, 5, 6, 4, 3, 5, 0, 1, 4, 6, 5, 4, 3, 1, 0, 5, 4, 6, 3)

DEVICES_OF_ADA = (
    SampleLogin("ada@example.org", "", _MAC, "203.0.113.9", 127, 7),
    SampleLogin("ada@example.org", "Ada's phone", PHONE, "198.51.100.7", 155, 35, bound=True),
    SampleLogin("ada@example.org", "", _TABLET, "2001:db8:85a3::8a2e:370:7334", 295, 130),
    SampleLogin("ada@example.org", "", _ANDROID, "192.0.2.200", 995, 850),
    SampleLogin(
        "ada@example.org", "Kitchen display", "KitchenDisplay/3.1", "192.0.2.3", 4_449, 4_330
    ),
)


def create_month(clock: Clock, *, staff: Any) -> None:
    """Log users in on the days before ``NOW``, and revoke every fifth session."""
    users = [UserFactory.create(username=f"colleague.{number}") for number in range(1, 8)]
    agents = cycle((PHONE, LAPTOP, _WINDOWS, _MAC, _ANDROID))
    login_days = [day for day, count in enumerate(MONTH, start=1) for _ in range(count)]
    for number, (day, user) in enumerate(zip(login_days, cycle(users), strict=False)):
        _set_clock(clock, day * 24 * 60 + 13 * number)
        request = _request(f"192.0.2.{number + 1}", next(agents))
        session = start_session(user, request=request, methods=["pwd"]).session
        if number % 5 == 0:
            revoke_session(session, reason=RevokedReason.ADMIN, by=staff, request=request)
    clock.move(NOW - clock.now)


def create_sessions(
    clock: Clock, logins: Sequence[SampleLogin] = LOGINS, *, staff: Any = None
) -> list[DeviceSession]:
    """Log all users in and set the clock to ``NOW``; return the sessions in order."""
    names = sorted({login.who for login in logins})
    people = {name: UserFactory.create(username=name) for name in names}
    sessions = [
        _create_session(clock, login, number=number, user=people[login.who], staff=staff)
        for number, login in enumerate(logins)
    ]
    clock.move(NOW - clock.now)
    return sessions


def _create_session(
    clock: Clock, login: SampleLogin, *, number: int, user: Any, staff: Any
) -> DeviceSession:
    _set_clock(clock, login.signed_in)
    request = _request(login.address, login.user_agent)
    pair = start_session(user, request=request, name=login.name, methods=["pwd"])
    _set_clock(clock, login.used)
    first = str(pair.refresh)
    newest = str(refresh_session(first, request=request).refresh)
    match login.ended:
        case RevokedReason.REUSE:
            clock.move(timedelta(minutes=1))
            refresh_session(newest, request=request)
            _reuse(first)
        case RevokedReason.ADMIN:
            revoke_session(pair.session, reason=login.ended, by=staff, request=request)
        case RevokedReason.LOGOUT:
            revoke_session(pair.session, reason=login.ended, by=user, request=request)
        case _:
            pass
    if login.bound:
        _bind(pair.session, number)
    if login.misused:
        clock.move(timedelta(minutes=1))
        misuse = InvalidDPoPProofError(ProofFault.MISSING)
        family = TokenFamily.objects.with_owner().get(session=pair.session)
        report_misuse(family, misuse, _request("198.51.100.66", "python-requests/2.32"))
    return _with_fixed_id(pair.session, number)


def _bind(session: DeviceSession, number: int) -> None:
    """Bind the session to a key, as if its login had sent a proof."""
    TokenFamily.objects.filter(session=session).update(
        # Fixed, because the pages show both.
        id=UUID(f"2f64b1aa-8c05-4e7d-b3f2-{number:012d}"),
        binding=Binding.DPOP,
        key_thumbprint=f"{number}sZVy6YbrT3xWkUo1HqLd8PjNc4AeRmGfIvB0iQtEwA",
    )


def _reuse(token: str) -> None:
    """Refresh as an attacker with a used token."""
    with pytest.raises(SessionRevokedError):
        refresh_session(token, request=_request("198.51.100.66", _WINDOWS))


def _request(address: str, user_agent: str) -> HttpRequest:
    headers = {"user-agent": user_agent}
    return RequestFactory().post("/auth/refresh/", REMOTE_ADDR=address, headers=headers)


def _set_clock(clock: Clock, minutes_before: int) -> None:
    clock.move(NOW - timedelta(minutes=minutes_before) - clock.now)


def _with_fixed_id(session: DeviceSession, number: int) -> DeviceSession:
    """Set a fixed id, because the page shows it."""
    fixed_id = UUID(f"6b0e5d1c-3f7a-4c21-9d84-{number:012d}")
    # SQLite and PostgreSQL check foreign keys at the end of the transaction.
    with transaction.atomic():
        DeviceSession.objects.filter(pk=session.pk).update(id=fixed_id)
        for relation in DeviceSession._meta.related_objects:
            parent = relation.field.name
            children = relation.related_model._base_manager.filter(**{parent: session.pk})
            children.update(**{parent: fixed_id})
    return DeviceSession.objects.get(pk=fixed_id)
