"""Deleting what has been of use for minutes or for a day."""

from __future__ import annotations

from django.db import router

from refresh_sessions.database import retry_when_busy
from refresh_sessions.models import ProofAttempts, SignInTicket


def prune_short_lived() -> int:
    """Delete expired tickets and counts of attempts, and say how many rows that were.

    Raises:
        DatabaseBusyError: the database did not take it in several tries.

    """
    return sum(_prune(model) for model in (SignInTicket, ProofAttempts))


def _prune(model: type[SignInTicket | ProofAttempts]) -> int:
    using = router.db_for_write(model)
    expired = model.objects.using(using).expired()
    return retry_when_busy(using, lambda: expired.delete()[0])
