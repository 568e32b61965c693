"""Nonces and challenges: texts that only this package can issue, without storage.

A nonce is a time and an HMAC over that time, its purpose and its context, with a key derived from
``SECRET_KEY``. All servers with that secret accept it until it is too old.
"""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from typing import Final

from django.conf import settings as django_settings
from django.utils.crypto import constant_time_compare, salted_hmac

from refresh_sessions.redaction import hide

_SALT: Final = "refresh_sessions.tokens.nonces"
_MAC_BYTES: Final = 18
_TIME_DIGITS: Final = 8
"""Hexadecimal digits of the seconds since 1970."""
_CLOCK_SKEW: Final = 60
"""Seconds that the clocks of two servers may differ."""


class NoncePurpose(Enum):
    """What a nonce is for; one for another purpose is not valid."""

    DPOP = "dpop"
    DBSC_REGISTRATION = "dbsc_registration"
    DBSC_REFRESH = "dbsc_refresh"


def issue_nonce(purpose: NoncePurpose, context: str = "") -> str:
    """Issue a nonce of 32 URL-safe characters.

    Args:
        purpose: what the nonce is for.
        context: what it is valid for, such as the id of a family.

    """
    issued_at = f"{int(time.time()):0{_TIME_DIGITS}x}"
    return issued_at + next(_compute_macs(issued_at, purpose, context))


def get_nonce_age(nonce: str, purpose: NoncePurpose, context: str = "") -> timedelta | None:
    """The age of a nonce, or None if this package did not issue it for the purpose and context.

    The age is negative for a nonce of a server whose clock is ahead, by a minute at most.
    """
    if not nonce.isascii():
        # A lone surrogate, which JSON can contain, has no bytes to compare.
        return None
    issued_at, mac = nonce[:_TIME_DIGITS], nonce[_TIME_DIGITS:]
    macs = _compute_macs(issued_at, purpose, context)
    if not any(constant_time_compare(mac, valid) for valid in macs):
        return None
    # Only the authentic text is parsed.
    age = time.time() - int(issued_at, 16)
    return timedelta(seconds=age) if age >= -_CLOCK_SKEW else None


def _compute_macs(issued_at: str, purpose: NoncePurpose, context: str) -> Iterator[str]:
    for key in map(hide, (django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS)):
        value = f"{purpose.value}:{issued_at}:{context}"
        mac = salted_hmac(_SALT, value, secret=key, algorithm="sha256").digest()
        yield urlsafe_b64encode(mac[:_MAC_BYTES]).decode()
