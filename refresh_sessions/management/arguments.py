"""What the commands read from their command lines."""

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
        ArgumentTypeError: it is none, or does not say of which unit.

    """
    text = text.strip()
    # Django would read 30 as seconds. Whoever means days must not lose a month of events.
    if text != "0" and _NUMBER.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} has no unit: write {text}d for days, {text}h for hours")
    try:
        if short := _SHORT_FORM.fullmatch(text.lower()):
            return timedelta(**{_UNITS[short[2]]: int(short[1])})
        # Nothing at all, as from a variable that is not set, would be zero to Django.
        parsed = parse_duration(text) if text else None
    except (ValueError, OverflowError):
        parsed = None
    if parsed is None:
        raise ArgumentTypeError(f"{text!r} is no duration: write it like 30d, 12h, 90m or 0")
    return parsed


def batch_size(text: str) -> int:
    """Read how many rows a transaction deletes.

    Raises:
        ArgumentTypeError: it is no number, or out of bounds.

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
    """Read an instant: ISO 8601, or how long ago it was.

    A day stands for its beginning; without an offset, times are those of ``TIME_ZONE``.

    Raises:
        ArgumentTypeError: it is none.

    """
    text = text.strip()
    try:
        # In this order: Django takes a day for its midnight where it is asked for a time.
        found: date | datetime | None = parse_date(text) or parse_datetime(text)
        if found is None:
            return timezone.now() - duration(text)
        if not isinstance(found, datetime):
            found = datetime.combine(found, time.min)
        return found if timezone.is_aware(found) else timezone.make_aware(found)
    except (ArgumentTypeError, OverflowError, ValueError):
        raise ArgumentTypeError(
            f"{text!r} is no time: write it like 2026-01-31, 2026-01-31T18:00Z, or 30d for so "
            "long ago"
        ) from None


def find_user(name: object) -> AbstractBaseUser | None:
    """Find a user by name, or else by primary key; None where there is none.

    A user, which code may pass in place of a name, is found as it is.
    """
    if isinstance(name, get_user_model()):
        return name
    model: Any = get_user_model()
    users, canonical = model._default_manager, canonical_username(name)
    # Users whom the default manager hides have sessions too.
    everybody, key = model._base_manager, model._meta.pk
    # As it was typed first: a name may be stored in a form that no login form sends.
    spellings = [name] if canonical == name else [name, canonical]
    by_name = username_field()
    lookups = [
        *((by_name, spelling, users.get_by_natural_key) for spelling in spellings),
        (key, name, lambda value: everybody.get(pk=value)),
        *((by_name, spelling, _getter(everybody, by_name.name)) for spelling in spellings),
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
    """Say that there is none."""
    return f"There is no user with the name or primary key {name!r}."
