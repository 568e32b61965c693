"""Finding sessions by what staff type, each way through an index.

One condition over sessions and users at once would have the database read both tables, so the
users are found first, as many as a person looks through.
"""

from __future__ import annotations

import operator
from functools import reduce
from typing import Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from refresh_sessions.admin.addressing import parse_address, parse_beginning
from refresh_sessions.admin.base import AnyModelAdmin
from refresh_sessions.models import DeviceSession
from refresh_sessions.models.fields import fold

USERS: Final = 100
"""Users that one word of a search may stand for."""

WORDS: Final = 2
"""Words that are looked for one by one, each at the cost of one query; more are one name."""


class SearchMixin(AnyModelAdmin):
    """The search of the list."""

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Fields of the user model that a search looks at, besides those of the session."""
        user = get_user_model()
        known = {field.name for field in user._meta.get_fields()}
        names = {user.USERNAME_FIELD, user.get_email_field_name()} & known
        return tuple(f"user__{name}" for name in sorted(names))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[DeviceSession], search_term: str
    ) -> tuple[QuerySet[DeviceSession], bool]:
        # The list's own form takes no NUL, but Django's lists of choices have no form.
        phrase = search_term.replace("\0", "").strip()
        if not phrase:
            return queryset, False
        fields = [name.removeprefix("user__") for name in self.get_search_fields(request)]
        return queryset.filter(_matching(phrase, fields, using=queryset.db)), False


def _matching(phrase: str, user_fields: list[str], *, using: str) -> Q:
    words = phrase.split()
    if len(words) == 1:
        return _like_word(phrase, user_fields, using=using)
    named = Q(name_folded__startswith=fold(phrase))
    if len(words) > WORDS:
        return named
    each = (_like_word(word, user_fields, using=using) for word in words)
    return named | reduce(operator.and_, each)


def _like_word(word: str, user_fields: list[str], *, using: str) -> Q:
    if (key := parse_key(word)) is not None:
        # Somebody's user name may be of that form, as where another service gives them out.
        return Q(pk=key) | Q(user__in=users_like(word, user_fields, using=using))
    if (at_address := address_like(word, using=using)) is not None:
        return at_address
    users = users_like(word, user_fields, using=using)
    return Q(user__in=users) | _begins("name_folded", fold(word), using=using)


def parse_key(word: str) -> UUID | None:
    """The key of a session; as text it is stored with dashes here and without them there."""
    try:
        return UUID(word)
    except ValueError:
        return None


def address_like(word: str, *, using: str) -> Q | None:
    """The rows of an address, or of a beginning of addresses; None if the word is neither."""
    if address := parse_address(word):
        return Q(ip_address=address)
    beginning = parse_beginning(word)
    if beginning is None:
        return None
    if connections[using].vendor == "postgresql":
        return Q(ip_address__gte=beginning.first, ip_address__lte=beginning.last)
    return _begins("ip_address", beginning.text, using=using)


def users_like(word: str, fields: list[str], *, using: str) -> list[Any]:
    """The keys of users whose name begins so, ``USERS`` of them at most."""
    model = get_user_model()
    asked = [name for name in fields if "@" in word or _has_index(model._meta.get_field(name))]
    if not asked:
        return []
    spellings = {word, word.lower()}
    begins = (_begins(name, text, using=using) for name in asked for text in spellings)
    users = model._base_manager.using(using).filter(reduce(operator.or_, begins))
    return list(users.values_list("pk", flat=True)[:USERS])


def _has_index(field: Any) -> bool:
    # Django's own user model has none on the email address: without an @ it is not worth a look
    # at every user.
    return bool(field.unique or field.db_index)


def _begins(field: str, text: str, *, using: str) -> Q:
    # PostgreSQL has an index for the one, MySQL and MariaDB for the other, whose collations take
    # upper and lower case for the same.
    lookup = "istartswith" if connections[using].vendor == "mysql" else "startswith"
    return Q(**{f"{field}__{lookup}": text})
