"""Argument types of the commands: durations, instants, batch sizes and users."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime, parse_duration

from refresh_sessions.batches import check_batch_size
from refresh_sessions.lookups import canonical_username, find_by_value, username_field

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.base_user import AbstractBaseUser

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SHORT_FORM: Final = re.compile(r"(\d+)\s*([smhdw])", re.ASCII)
_NUMBER: Final = re.compile(r"[-+]?[\d.,]+", re.ASCII)


def duration(text: str) -> timedelta:
    """Read a duration from the command line.

    Raises:
        ArgumentTypeError: the text is not a duration, or has no unit.

    """
    text = text.strip()
    # Django reads 30 as seconds: with 30 for days, pruning would delete a month too much.
    if text != "0" and _NUMBER.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} has no unit: write {text}d for days, {text}h for hours")
    try:
        if short := _SHORT_FORM.fullmatch(text.lower()):
            return timedelta(**{_UNITS[short[2]]: int(short[1])})
        # Django reads an empty text, such as of an unset variable, as zero.
        parsed = parse_duration(text) if text else None
    except (ValueError, OverflowError):
        parsed = None
    if parsed is None:
        raise ArgumentTypeError(f"{text!r} is not a duration: write it like 30d, 12h, 90m or 0")
    return parsed


def batch_size(text: str) -> int:
    """Read the number of rows that one transaction deletes.

    Raises:
        ArgumentTypeError: the text is not a number, or out of bounds.

    """
    try:
        size = int(text)
    except ValueError:
        raise ArgumentTypeError(f"invalid int value: {text!r}") from None
    try:
        check_batch_size(size)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    return size


def instant(text: str) -> datetime:
    """Read an instant: ISO 8601, or a duration before now.

    A day means its midnight; a time without an offset is in ``TIME_ZONE``.

    Raises:
        ArgumentTypeError: the text is not an instant.

    """
    text = text.strip()
    try:
        # In this order: parse_datetime reads a day as well.
        found: date | datetime | None = parse_date(text) or parse_datetime(text)
        if found is None:
            return timezone.now() - duration(text)
        if not isinstance(found, datetime):
            found = datetime.combine(found, time.min)
        return found if timezone.is_aware(found) else timezone.make_aware(found)
    except (ArgumentTypeError, OverflowError, ValueError):
        raise ArgumentTypeError(
            f"{text!r} is not a time: write it like 2026-01-31, 2026-01-31T18:00Z, or 30d for "
            "30 days ago"
        ) from None


def find_user(name: object) -> AbstractBaseUser | None:
    """Find a user by name, or else by primary key; None if no user matches.

    A user object, which ``call_command`` allows, is returned unchanged.
    """
    if isinstance(name, get_user_model()):
        return name
    model: Any = get_user_model()
    users, canonical = model._default_manager, canonical_username(name)
    # The base manager: users that the default manager hides can have sessions.
    all_users, key = model._base_manager, model._meta.pk
    # The given form first: the database may contain a form that login forms do not send.
    spellings = [name] if canonical == name else [name, canonical]
    by_name = username_field()
    lookups = [
        *((by_name, spelling, users.get_by_natural_key) for spelling in spellings),
        (key, name, lambda value: all_users.get(pk=value)),
        *((by_name, spelling, _getter(all_users, by_name.name)) for spelling in spellings),
    ]
    for field, value, find in lookups:
        try:
            with find_by_value(field, value, using=users.db):
                user: AbstractBaseUser = find(value)
        except (ObjectDoesNotExist, MultipleObjectsReturned):
            continue
        return user
    return None


def _getter(users: Any, field_name: str) -> Callable[[Any], Any]:
    return lambda value: users.get(**{field_name: value})


def no_user(name: object) -> str:
    """The error message for an unknown user."""
    return f"There is no user with the name or primary key {name!r}."
