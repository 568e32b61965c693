"""Rows found by a value that somebody typed, whatever type the column has.

A number, a UUID or an address has texts that are none of its kind. Each database driver fails in
its own way when it is asked for such a value; here they all mean that no row has it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DataError, connections, transaction

_LONGEST_USERNAME: Final = 254
"""Characters, where the column has no limit; Django's login form has the same."""

_REFUSALS: Final = (ArithmeticError, DataError, TypeError, ValidationError, ValueError)
"""What Django and the drivers raise for a value that a column cannot hold."""


class InvalidValueError(ObjectDoesNotExist):
    """The column cannot hold the value, so no row has it."""


def canonical_username(name: Any) -> Any:
    """A user name as Django's forms read it: in Unicode's form NFKC.

    Names that are longer than the column stay as they are, as in those forms: normalizing takes
    time. So do names that are not text, which a serializer of the project may produce.
    """
    longest = username_field().max_length or _LONGEST_USERNAME
    if not isinstance(name, str) or len(name) > longest:
        return name
    return unicodedata.normalize("NFKC", name)


def username_field() -> Any:
    """The field of the user model that ``USERNAME_FIELD`` names."""
    model: Any = get_user_model()
    return model._meta.get_field(model.USERNAME_FIELD)


def convert_value(field: Any, value: object) -> Any:
    """Convert a value to the type of a column.

    Raises:
        InvalidValueError: the column cannot hold it, or the validators of the field refuse it.

    """
    while field.remote_field:
        field = field.target_field
    try:
        converted = field.to_python(value)
        # Among the validators of a number are the bounds of its column.
        field.run_validators(converted)
    except _REFUSALS:
        raise InvalidValueError from None
    # PostgreSQL stores none, and Django's forms take none.
    if "\0" in str(converted):
        raise InvalidValueError
    return converted


@contextmanager
def find_by_value(field: Any, value: object, *, using: str) -> Iterator[None]:
    """Look rows up by a value that may be unfit for the column.

    Decides by the failure and not by the validators alone: rows may be older than a validator.

    Raises:
        InvalidValueError: the lookup failed, and ``convert_value`` refuses the value.

    """
    try:
        convert_value(field, value)
    except InvalidValueError:
        try:
            with _savepoint(using):
                yield
        except _REFUSALS as error:
            raise InvalidValueError from error
    else:
        yield


def _savepoint(using: str) -> AbstractContextManager[object]:
    """Keep a transaction of the caller's usable: PostgreSQL ends it with any refused value."""
    in_transaction = connections[using].in_atomic_block
    return transaction.atomic(using=using) if in_transaction else nullcontext()
