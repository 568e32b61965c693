"""Two-step login: issue a ticket after the first factor, and a session after the second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import router
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.account_access import get_backend_path
from refresh_sessions.database import forbid_outer_transaction, retry_transient
from refresh_sessions.exceptions import (
    InvalidTicketError,
    ReauthenticationFailedError,
    SecondFactorFailedError,
    SecondFactorRequiredError,
)
from refresh_sessions.identity import describe_methods, missing_second_factors, verify_methods
from refresh_sessions.identity.attempts import get_second_factor_limiter
from refresh_sessions.models import SignInTicket
from refresh_sessions.redaction import hide, hide_items
from refresh_sessions.sessions.issue import TokenPair
from refresh_sessions.sessions.key_binding import read_new_binding, require_binding
from refresh_sessions.sessions.login import Login, require_access, start_session
from refresh_sessions.sessions.presented_token import new_companion
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
def log_in(
    user: AbstractBaseUser,
    *,
    request: HttpRequest | None = None,
    name: str = "",
    methods: Sequence[str] = (),
    data: Mapping[str, Any] | None = None,
) -> TokenPair:
    """Start a session like ``start_session``, unless the user needs a second factor.

    Args:
        user: the user who was authenticated with the first factor.
        request: the request for address and user agent, or None.
        name: the name of the device.
        methods: the verified methods, as authentication method references of RFC 8176.
        data: more about this login, for the policy. A second step passes it on as JSON values:
            dates become strings.

    Returns:
        The first token pair.

    Raises:
        SecondFactorRequiredError: a second factor is needed; has the ticket for
            ``finish_login``.
        NoActiveAccountError: the account was deleted or may not log in.
        InvalidDPoPProofError: the request has a header ``DPoP`` without a valid proof.
        DPoPNonceRequiredError: the proof of the request lacks a recent nonce.
        BindingRequiredError: the policy requires a proof, which the request lacks.
        SessionLimitReachedError: too many live sessions, and ``ON_SESSION_LIMIT`` is "deny".
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    factors = missing_second_factors(user, methods)
    if not factors:
        return start_session(user, request=request, name=name, methods=methods, data=data)
    require_access(user, request=request, using=router.db_for_write(SignInTicket))
    ticket = Ticket(
        secret=new_secret(),
        account=get_account_digest(user),
        backend=get_backend_path(user),
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
def finish_login(
    ticket: str | Ticket,
    data: Mapping[str, Any],
    *,
    request: HttpRequest | None = None,
    name: str = "",
) -> TokenPair:
    """Verify the second factor, and start the session.

    Args:
        ticket: the ticket of ``SecondFactorRequiredError``, or the result of ``read_ticket``.
        data: the fields of the request, with those of the methods.
        request: the request for address and user agent, or None.
        name: the name of the device; by default that of the first step.

    Returns:
        The first token pair.

    Raises:
        InvalidTicketError: the ticket has expired, was used or has no attempts left, or the
            account is inactive or has another password.
        ProofIncompleteError: the request has no second factor; this does not count as an attempt.
        SecondFactorFailedError: the second factor is wrong.
        TooManyAttemptsError: too many failures with any ticket; the factor was not checked.
        InvalidDPoPProofError: the request has a header ``DPoP`` without a valid proof.
        DPoPNonceRequiredError: the proof of the request lacks a recent nonce.
        BindingRequiredError: the policy requires a proof, which the request lacks.
        SessionLimitReachedError: too many live sessions, and ``ON_SESSION_LIMIT`` is "deny".
        DatabaseBusyError: every attempt failed with a transient database error.
        OuterTransactionError: called inside a transaction.

    """
    ticket, data = hide(ticket), hide_items(data)
    using = router.db_for_write(SignInTicket)
    # A rollback by the caller would undo the count of attempts.
    forbid_outer_transaction(using)
    first_step = read_ticket(ticket) if isinstance(ticket, str) else ticket
    # First: an invalid proof must use up neither the ticket nor an attempt.
    binding = read_new_binding(request)
    row = retry_transient(using, lambda: find_ticket(first_step, using, request))
    user = row.user
    user.backend = first_step.backend
    require_binding(user, binding.kind, request=request, may_register=True)
    factors = missing_second_factors(user, first_step.methods)
    if not factors:
        # The second factor was removed meanwhile: a new login needs none.
        raise InvalidTicketError
    limiter = get_second_factor_limiter(user)

    def count() -> None:
        count_attempt(row, using)
        limiter.consume()

    def consume() -> None:
        consume_ticket(row, using)
        limiter.reset()

    try:
        methods = verify_methods(factors, user, data, request, before=count)
    except ReauthenticationFailedError:
        raise SecondFactorFailedError from None

    return Login(
        user=user,
        request=request,
        name=name or first_step.name,
        methods=(*first_step.methods, *methods),
        data=first_step.data,
        using=using,
        companion=new_companion(request),
        binding=binding,
        before_create=consume,
    ).execute()
