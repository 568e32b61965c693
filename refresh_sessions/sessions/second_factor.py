"""Signing in by two steps: a ticket for the first, the session for the second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import router
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.account_access import get_backend_path, may_continue
from refresh_sessions.database import forbid_outer_transaction, retry_transient
from refresh_sessions.exceptions import (
    InvalidTicketError,
    NoActiveAccountError,
    ReauthenticationFailedError,
    SecondFactorFailedError,
    SecondFactorRequiredError,
)
from refresh_sessions.identity import describe_methods, missing_second_factors, verify_methods
from refresh_sessions.identity.attempts import get_second_factor_limiter
from refresh_sessions.models import SignInTicket
from refresh_sessions.redaction import hide, hide_items
from refresh_sessions.sessions.issue import TokenPair
from refresh_sessions.sessions.login import SignIn, start_session
from refresh_sessions.sessions.tickets import (
    Ticket,
    consume_ticket,
    count_attempt,
    find_ticket,
    get_account_digest,
    read_ticket,
    sign_ticket,
    store_ticket,
)
from refresh_sessions.tokens.refresh_tokens import new_secret

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


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
        NoActiveAccountError: the account has been deleted or may not log in.
        SessionLimitReachedError: too many live sessions and ``ON_SESSION_LIMIT`` is "deny".
        DatabaseBusyError: the database did not take the change in several tries.

    """
    factors = missing_second_factors(user, methods)
    if not factors:
        return start_session(user, request=request, name=name, methods=methods, data=data)
    backend = get_backend_path(user)
    using = router.db_for_write(SignInTicket)
    if not retry_transient(
        using, lambda: may_continue(user, backend=backend, session=None, request=request)
    ):
        raise NoActiveAccountError
    ticket = Ticket(
        secret=new_secret(),
        account=get_account_digest(user),
        backend=backend,
        name=name,
        methods=tuple(methods),
        data=data or {},
    )
    raise SecondFactorRequiredError(
        ticket=sign_ticket(ticket),
        methods=describe_methods(factors),
        expires_at=store_ticket(ticket, user),
    )


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
        TooManyAttemptsError: too many were wrong, whatever the ticket; nothing has been checked.
        SessionLimitReachedError: too many live sessions and ``ON_SESSION_LIMIT`` is "deny".
        DatabaseBusyError: the database did not take the change in several tries.
        OuterTransactionError: called inside a transaction.

    """
    ticket, data = hide(ticket), hide_items(data)
    using = router.db_for_write(SignInTicket)
    # A failure that rolls the attempt back would leave any number of them.
    forbid_outer_transaction(using)
    known = read_ticket(ticket) if isinstance(ticket, str) else ticket
    row = retry_transient(using, lambda: find_ticket(known, using, request))
    user = row.user
    user.backend = known.backend
    factors = missing_second_factors(user, known.methods)
    if not factors:
        # It has been removed meanwhile; signing in again does without.
        raise InvalidTicketError
    attempts = get_second_factor_limiter(user)

    def count() -> None:
        count_attempt(row, using)
        attempts.consume()

    def claim() -> None:
        consume_ticket(row, using)
        attempts.reset()

    try:
        shown = verify_methods(factors, user, data, request, before=count)
    except ReauthenticationFailedError:
        raise SecondFactorFailedError from None

    return SignIn(
        user=user,
        request=request,
        name=name or known.name,
        methods=(*known.methods, *shown),
        data=known.data,
        using=using,
        before_create=claim,
    ).execute()
