"""A bound on guesses: how many attempts in a row may fail to prove who somebody is.

Throttles slow down who guesses from one address, and each ticket has few attempts. Who knows the
password gets any number of tickets, from as many addresses as they have, and a code of six digits
would not last an hour. So failures are also counted where neither helps, each before it is known
to be one.
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
"""In a row, within ``WINDOW``. NIST SP 800-63B-4 §3.2.2 allows 100; with the three codes that are
good at a time, a thief has about one chance in 6,600 a day."""

WINDOW: Final = timedelta(days=1)
"""From the first failure on; then counting begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLimiter:
    """The attempts that count together."""

    user: AbstractBaseUser
    digest: str

    def consume(self) -> None:
        """Take one of them, before what was sent is looked at.

        Raises:
            TooManyAttemptsError: all have failed.
            NoActiveAccountError: the account has been deleted.
            DatabaseBusyError: the database did not take it in several tries.

        """
        using = router.db_for_write(ProofAttempts)
        retry_transient(using, lambda: self._count(using))

    def reset(self) -> None:
        """One has succeeded: those before it count no more."""
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
        """The database's clock and the count so far, in one SELECT."""
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
            # Another has begun at the same moment, or the account has just been deleted.
            raise ConcurrentUpdateError from None

    def _rows(self, using: str) -> QuerySet[ProofAttempts]:
        return ProofAttempts.objects.using(using).filter(digest=self.digest)


def get_attempt_limiter(user: AbstractBaseUser, *subject: object) -> AttemptLimiter:
    """The attempts of ``user`` that count for one and the same subject."""
    digest = hashlib.sha256("\n".join(map(str, subject)).encode()).hexdigest()
    return AttemptLimiter(user=user, digest=digest)


def get_second_factor_limiter(user: AbstractBaseUser) -> AttemptLimiter:
    """The second steps of sign-ins of an account, whatever the ticket and the address.

    Only who knows the password can use them up; so a new password gives them back.
    """
    return get_attempt_limiter(user, "second step", user.pk, get_auth_hash(user))
