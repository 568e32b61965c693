"""Lookups: find rows by untrusted values, whatever the type of the column.

A column for numbers, UUIDs or addresses cannot hold every text. Each database driver raises its
own error for an invalid value. Here all these errors mean that no row has the value.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DataError, connections, transaction

_MAX_USERNAME_LENGTH: Final = 254
"""Characters, for columns without a limit; Django's login form has the same limit."""

_CONVERSION_ERRORS: Final = (ArithmeticError, DataError, TypeError, ValidationError, ValueError)
"""The errors of Django and the database drivers for values that a column cannot hold."""


class InvalidValueError(ObjectDoesNotExist):
    """The column cannot hold the value, and so no row has it."""


def canonical_username(name: Any) -> Any:
    """Normalize a user name to NFKC, as Django's forms do.

    Names longer than the column stay unchanged, as in those forms: normalization takes time.
    Values other than text, from a serializer of the project, stay unchanged as well.
    """
    max_length = username_field().max_length or _MAX_USERNAME_LENGTH
    if not isinstance(name, str) or len(name) > max_length:
        return name
    return unicodedata.normalize("NFKC", name)


def username_field() -> Any:
    """The field of the user model that ``USERNAME_FIELD`` names."""
    model: Any = get_user_model()
    return model._meta.get_field(model.USERNAME_FIELD)


def convert_value(field: Any, value: object) -> Any:
    """Convert a value to the type of a column.

    Raises:
        InvalidValueError: the column cannot hold the value, or a validator of the field fails.

    """
    while field.remote_field:
        field = field.target_field
    try:
        converted = field.to_python(value)
        # The validators of numbers include the range of the column.
        field.run_validators(converted)
    except _CONVERSION_ERRORS:
        raise InvalidValueError from None
    # PostgreSQL cannot store NUL, and Django's forms reject it.
    if "\0" in str(converted):
        raise InvalidValueError
    return converted


@contextmanager
def find_by_value(field: Any, value: object, *, using: str) -> Iterator[None]:
    """Run a lookup by a value that the column may be unable to hold.

    A failed validator alone does not decide: rows may be older than the validator.

    Args:
        field: the field of the model.
        value: the untrusted value.
        using: the alias of the database.

    Raises:
        InvalidValueError: ``convert_value`` rejects the value, and the lookup failed.

    """
    try:
        convert_value(field, value)
    except InvalidValueError:
        try:
            with _savepoint(using):
                yield
        except _CONVERSION_ERRORS as error:
            raise InvalidValueError from error
    else:
        yield


def _savepoint(using: str) -> AbstractContextManager[object]:
    """Keep the caller's transaction usable: PostgreSQL aborts it at a rejected value."""
    in_transaction = connections[using].in_atomic_block
    return transaction.atomic(using=using) if in_transaction else nullcontext()
