"""Sign-in tickets: signed, short-lived, single-use tickets for the second step of a login.

The row counts each attempt before it is checked, so that concurrent guesses count as well. A
success deletes the row, so that a ticket leads to one session.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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

from refresh_sessions.account_access import may_continue
from refresh_sessions.conf import get_settings
from refresh_sessions.database import commit_once, retry_transient
from refresh_sessions.exceptions import InvalidTicketError
from refresh_sessions.models import SignInTicket
from refresh_sessions.redaction import hide, hide_within
from refresh_sessions.sessions.queries import read_clock
from refresh_sessions.tenants import get_tenant
from refresh_sessions.tokens.refresh_tokens import hash_secret
from refresh_sessions.users import auth_hash_is_valid, get_auth_hash

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

MAX_ATTEMPTS: Final = 5
"""Per ticket."""

_SALT: Final = "refresh_sessions.sign_in_ticket"
_SHOWN: Final = ("account", "backend", "name", "methods", "data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The content of a verified ticket."""

    secret: str = field(repr=False)
    account: str
    """A digest that identifies the account."""
    backend: str
    """The dotted path of the backend that authenticated the user; empty if unknown."""
    name: str
    methods: tuple[str, ...]
    data: Mapping[str, Any]


@sensitive_variables()
def read_ticket(signed: str) -> Ticket:
    """Verify the signature of a ticket; ``find_ticket`` checks whether it is still valid.

    Raises:
        InvalidTicketError: the ticket is malformed or forged.

    """
    signed = hide(signed)
    try:
        content = hide_within(signing.loads(signed, salt=_salt()), shown=_SHOWN)
        return Ticket(**{**content, "methods": tuple(content["methods"])})
    except (signing.BadSignature, KeyError, TypeError):
        # A valid signature with other fields comes from another release of this package.
        raise InvalidTicketError from None


def get_account_digest(user: AbstractBaseUser) -> str:
    """A digest that identifies the account of a user without revealing it."""
    return salted_hmac(_salt(), str(user.pk), algorithm="sha256").hexdigest()[:32]


def sign_ticket(ticket: Ticket) -> str:
    """Encode and sign a ticket for the client."""
    content = {
        "secret": ticket.secret,
        "account": ticket.account,
        "backend": ticket.backend,
        "name": ticket.name,
        "methods": ticket.methods,
        "data": ticket.data,
    }
    # Through JSON, as django.core.signing cannot encode dates.
    text = hide(json.dumps(content, cls=DjangoJSONEncoder))
    return hide(signing.dumps(json.loads(text), salt=_salt()))


def store_ticket(ticket: Ticket, user: AbstractBaseUser) -> datetime:
    """Create the row of a ticket, and return its expiry.

    Raises:
        NoActiveAccountError: the account was deleted.
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    using = router.db_for_write(SignInTicket)

    def store() -> SignInTicket:
        now = read_clock(user, using=using)
        tickets = SignInTicket.objects.using(using)
        # Limits the number of unused tickets per user.
        tickets.expired().filter(user_id=user.pk).delete()
        return tickets.create(
            digest=hash_secret(ticket.secret),
            user_id=user.pk,
            auth_hash=get_auth_hash(user),
            expires_at=now + get_settings().SIGN_IN_TICKET_LIFETIME,
        )

    return commit_once(
        using,
        store,
        is_committed=lambda row: SignInTicket.objects.using(using).filter(pk=row.pk).exists(),
    ).expires_at


def find_ticket(ticket: Ticket, using: str, request: HttpRequest | None) -> SignInTicket:
    """The row of a valid ticket, with its user.

    Raises:
        InvalidTicketError: the ticket has expired or was used, or the account has changed or may
            not log in.

    """
    tickets = SignInTicket.objects.using(using).live().with_user()
    row = tickets.filter(digest=hash_secret(ticket.secret)).first()
    if row is None:
        raise InvalidTicketError
    user = row.user
    if not row.user_found or not auth_hash_is_valid(user, row.auth_hash):
        raise InvalidTicketError
    if not may_continue(user, backend=ticket.backend, session=None, request=request):
        raise InvalidTicketError
    return row


def count_attempt(row: SignInTicket, using: str) -> None:
    """Count an attempt with a ticket before it is checked.

    Raises:
        InvalidTicketError: the ticket has no attempts left, has expired or was used.
        DatabaseBusyError: every attempt failed with a transient database error.

    """

    def count() -> int:
        tickets = SignInTicket.objects.using(using).live().filter(pk=row.pk)
        return tickets.filter(attempts__lt=MAX_ATTEMPTS).update(attempts=F("attempts") + 1)

    if not retry_transient(using, count):
        raise InvalidTicketError


def consume_ticket(row: SignInTicket, using: str) -> None:
    """Delete the row of a ticket, which makes it unusable.

    Raises:
        InvalidTicketError: the ticket has expired or was used.

    """
    deleted, _ = SignInTicket.objects.using(using).live().filter(pk=row.pk).delete()
    if not deleted:
        raise InvalidTicketError


def _salt() -> str:
    # Tickets of another tenant have another signature.
    tenant = get_tenant()
    return f"{_SALT}:{tenant}" if tenant else _SALT
