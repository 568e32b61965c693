"""Signing in by two steps: a ticket for the first, the session for the second.

A ticket is signed and good once. Its row counts attempts before they are made, so that guesses in
parallel are no more than guesses in a row; and success deletes it, so that there is one session.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django.core import signing
from django.core.serializers.json import DjangoJSONEncoder
from django.db import router
from django.db.models import F
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.accounts import auth_digest, is_current, may_sign_in
from refresh_sessions.conf import get_settings
from refresh_sessions.database import (
    DatabaseNow,
    commit_when_busy,
    forbid_outer_transaction,
    retry_when_busy,
)
from refresh_sessions.exceptions import (
    InvalidTicketError,
    NoActiveAccountError,
    ReauthenticationFailedError,
    SecondFactorFailedError,
    SecondFactorRequiredError,
)
from refresh_sessions.identity import describe, missing_second_factors, prove_by
from refresh_sessions.models import SignInTicket
from refresh_sessions.sessions.issuing import TokenPair
from refresh_sessions.sessions.starting import SignIn, start_session
from refresh_sessions.tokens.refresh import digest, new_secret

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

MAX_ATTEMPTS: Final = 5
"""Per ticket."""

_SALT: Final = "refresh_sessions.sign_in_ticket"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a ticket says, once its signature has been verified."""

    secret: str = field(repr=False)
    account: str
    """Whose sign-in it is, in a form that tells nobody."""
    name: str
    methods: tuple[str, ...]
    data: Mapping[str, Any]


@sensitive_variables()
def sign_in(
    user: AbstractBaseUser,
    *,
    request: HttpRequest | None = None,
    name: str = "",
    methods: Sequence[str] = (),
    data: Mapping[str, Any] | None = None,
) -> TokenPair:
    """Start a session as ``start_session`` does, unless a second factor is still to be shown.

    Args:
        user: who has been authenticated by a first step.
        request: the request that asked for it.
        name: what the client calls the device.
        methods: how identity was proven so far, in the words of RFC 8176.
        data: more about this sign-in, for the policy object. After a second step it arrives there
            as JSON has it: dates as text.

    Raises:
        SecondFactorRequiredError: with the ticket for ``finish_sign_in``.
        NoActiveAccountError: the account is inactive or has been deleted.
        SessionLimitReachedError: too many live sessions and ``ON_SESSION_LIMIT`` is "deny".
        DatabaseBusyError: the database did not take the change in several tries.

    """
    if not may_sign_in(user):
        raise NoActiveAccountError
    factors = missing_second_factors(user, methods)
    if not factors:
        return start_session(user, request=request, name=name, methods=methods, data=data)
    ticket = Ticket(
        secret=new_secret(),
        account=_account_of(user),
        name=name,
        methods=tuple(methods),
        data=data or {},
    )
    raise SecondFactorRequiredError(
        ticket=_sign(ticket), methods=describe(factors), expires_at=_store(ticket, user)
    )


@sensitive_variables()
def read_ticket(signed: str) -> Ticket:
    """Verify the signature of a ticket; whether it is still good, its row says.

    Raises:
        InvalidTicketError: we did not issue it.

    """
    try:
        content = signing.loads(signed, salt=_SALT)
    except signing.BadSignature:
        raise InvalidTicketError from None
    return Ticket(**{**content, "methods": tuple(content["methods"])})


@sensitive_variables()
def finish_sign_in(
    ticket: str | Ticket,
    data: Mapping[str, Any],
    *,
    request: HttpRequest | None = None,
    name: str = "",
) -> TokenPair:
    """Check the second factor, and start the session that the first step asked for.

    Args:
        ticket: from ``SecondFactorRequiredError``, or what ``read_ticket`` made of it.
        data: fields by the names of the methods.
        request: for address and user agent.
        name: what the client calls the device, if not what it said before.

    Raises:
        InvalidTicketError: it has expired, has been used, was tried too often, or the account has
            another password or is inactive since.
        ProofIncompleteError: no second factor was sent; this is no attempt.
        SecondFactorFailedError: it is wrong.
        SessionLimitReachedError: too many live sessions and ``ON_SESSION_LIMIT`` is "deny".
        DatabaseBusyError: the database did not take the change in several tries.
        OuterTransactionError: called inside a transaction.

    """
    using = router.db_for_write(SignInTicket)
    # A failure that rolls the attempt back would leave any number of them.
    forbid_outer_transaction(using)
    known = read_ticket(ticket) if isinstance(ticket, str) else ticket
    row = retry_when_busy(using, lambda: _find(known, using))
    user = row.user
    factors = missing_second_factors(user, known.methods)
    if not factors:
        # It has been removed meanwhile; signing in again does without.
        raise InvalidTicketError
    try:
        shown = prove_by(factors, user, data, request, before=lambda: _count_attempt(row, using))
    except ReauthenticationFailedError:
        raise SecondFactorFailedError from None

    return SignIn(
        user=user,
        request=request,
        name=name or known.name,
        methods=(*known.methods, *shown),
        data=known.data,
        using=using,
        claim=lambda: _consume(row, using),
    ).carry_out()


def prune_tickets() -> int:
    """Delete all tickets that have expired, and say how many.

    Raises:
        DatabaseBusyError: the database did not take it in several tries.

    """
    using = router.db_for_write(SignInTicket)
    expired = SignInTicket.objects.using(using).expired()
    return retry_when_busy(using, lambda: expired.delete()[0])


def _account_of(user: AbstractBaseUser) -> str:
    return salted_hmac(_SALT, str(user.pk), algorithm="sha256").hexdigest()[:32]


def _sign(ticket: Ticket) -> str:
    content = {
        "secret": ticket.secret,
        "account": ticket.account,
        "name": ticket.name,
        "methods": ticket.methods,
        "data": ticket.data,
    }
    plain = json.loads(json.dumps(content, cls=DjangoJSONEncoder))
    return signing.dumps(plain, salt=_SALT)


def _store(ticket: Ticket, user: AbstractBaseUser) -> datetime:
    using = router.db_for_write(SignInTicket)

    def store() -> SignInTicket:
        now = _read_clock(user, using)
        tickets = SignInTicket.objects.using(using)
        # So that nobody piles them up who never comes back with one.
        tickets.expired().filter(user_id=user.pk).delete()
        return tickets.create(
            digest=digest(ticket.secret),
            user_id=user.pk,
            auth_hash=auth_digest(user),
            expires_at=now + get_settings().SIGN_IN_TICKET_LIFETIME,
        )

    return commit_when_busy(
        using,
        store,
        is_committed=lambda row: SignInTicket.objects.using(using).filter(pk=row.pk).exists(),
    ).expires_at


def _read_clock(user: AbstractBaseUser, using: str) -> datetime:
    """The database's clock, and with it the certainty that the account still exists."""
    account = type(user)._base_manager.using(using).filter(pk=user.pk)
    now: datetime | None = account.values_list(DatabaseNow(), flat=True).first()
    if now is None:
        raise NoActiveAccountError
    return now


def _find(ticket: Ticket, using: str) -> SignInTicket:
    tickets = SignInTicket.objects.using(using).live().select_related("user")
    row = tickets.filter(digest=digest(ticket.secret)).first()
    if row is None:
        raise InvalidTicketError
    user = row.user
    if not may_sign_in(user) or not is_current(user, row.auth_hash):
        raise InvalidTicketError
    return row


def _count_attempt(row: SignInTicket, using: str) -> None:
    def count() -> int:
        tickets = SignInTicket.objects.using(using).live().filter(pk=row.pk)
        return tickets.filter(attempts__lt=MAX_ATTEMPTS).update(attempts=F("attempts") + 1)

    if not retry_when_busy(using, count):
        raise InvalidTicketError


def _consume(row: SignInTicket, using: str) -> None:
    deleted, _ = SignInTicket.objects.using(using).live().filter(pk=row.pk).delete()
    if not deleted:
        raise InvalidTicketError
