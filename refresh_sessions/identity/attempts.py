"""Attempt limiter: limit consecutive failures to verify a user's identity.

Throttles limit guesses from one address, and each ticket allows few attempts. But an attacker with
the password gets any number of tickets from any number of addresses, and could guess a code of six
digits within an hour. So failures are also counted per account, in the database. Each attempt
counts before it is checked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth import get_user_model
from django.db import IntegrityError, router, transaction
from django.db.models import F, QuerySet, Subquery

from refresh_sessions.database import ConcurrentUpdateError, DatabaseNow, retry_transient
from refresh_sessions.exceptions import NoActiveAccountError, TooManyAttemptsError
from refresh_sessions.models import ProofAttempts
from refresh_sessions.users import get_auth_hash

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

MAX_FAILURES: Final = 50
"""Consecutive failures within ``WINDOW``. NIST SP 800-63B-4 §3.2.2 allows 100. As three codes are
valid at a time, an attacker succeeds with a probability of about 1 in 6,600 per day."""

WINDOW: Final = timedelta(days=1)
"""The time from the first failure until the count restarts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLimiter:
    """Counts the attempts of a user for one subject, such as a session."""

    user: AbstractBaseUser
    digest: str

    def consume(self) -> None:
        """Count an attempt before it is checked.

        Raises:
            TooManyAttemptsError: ``MAX_FAILURES`` consecutive attempts have failed.
            NoActiveAccountError: the account was deleted.
            DatabaseBusyError: every try failed with a transient database error.

        """
        using = router.db_for_write(ProofAttempts)
        retry_transient(using, lambda: self._count(using))

    def reset(self) -> None:
        """Delete the count after a success.

        Raises:
            DatabaseBusyError: every try failed with a transient database error.

        """
        using = router.db_for_write(ProofAttempts)
        retry_transient(using, lambda: self._rows(using).delete())

    def _count(self, using: str) -> None:
        now, failed, expires_at = self._read(using)
        if failed is None or expires_at is None:
            self._begin(using, now)
            return
        rows = self._rows(using).filter(expires_at=expires_at)
        if expires_at <= now:
            counted = rows.update(count=1, expires_at=now + WINDOW)
        elif failed < MAX_FAILURES:
            counted = rows.filter(count__lt=MAX_FAILURES).update(count=F("count") + 1)
        else:
            raise TooManyAttemptsError(expires_at - now)
        if not counted:
            raise ConcurrentUpdateError

    def _read(self, using: str) -> tuple[datetime, int | None, datetime | None]:
        """The database's clock, the count and its expiry, in one SELECT."""
        counted = ProofAttempts.objects.filter(digest=self.digest)
        account = get_user_model()._base_manager.using(using).filter(pk=self.user.pk)
        read: Any = account.values_list(
            DatabaseNow(),
            Subquery(counted.values("count")),
            Subquery(counted.values("expires_at")),
        ).first()
        if read is None:
            raise NoActiveAccountError
        now, failed, expires_at = read
        return now, failed, expires_at

    def _begin(self, using: str, now: datetime) -> None:
        try:
            with transaction.atomic(using=using):
                ProofAttempts.objects.using(using).create(
                    digest=self.digest, user_id=self.user.pk, expires_at=now + WINDOW
                )
        except IntegrityError:
            # A concurrent attempt has created the row, or the account was deleted.
            raise ConcurrentUpdateError from None

    def _rows(self, using: str) -> QuerySet[ProofAttempts]:
        return ProofAttempts.objects.using(using).filter(digest=self.digest)


def get_attempt_limiter(user: AbstractBaseUser, *subject: object) -> AttemptLimiter:
    """The limiter of a user for one subject.

    Args:
        user: the user whose identity is verified.
        subject: the parts that identify the subject; their texts are hashed.

    """
    digest = hashlib.sha256("\n".join(map(str, subject)).encode()).hexdigest()
    return AttemptLimiter(user=user, digest=digest)


def get_second_factor_limiter(user: AbstractBaseUser) -> AttemptLimiter:
    """The limiter of second steps of an account, for all tickets and addresses.

    Only a client with the password can exhaust it, and so a new password resets it.
    """
    return get_attempt_limiter(user, "second step", user.pk, get_auth_hash(user))
