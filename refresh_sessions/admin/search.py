"""Search of sessions and events, each way through an index."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from functools import reduce
from ipaddress import ip_network
from typing import Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from refresh_sessions import client_ip
from refresh_sessions.admin.base import AnyModelAdmin
from refresh_sessions.models import DeviceSession
from refresh_sessions.models.fields import fold

_IPV4_BEGINNING: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,2}\.")

_IPV6_BEGINNING: Final = re.compile(r"[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6}:", re.IGNORECASE)

_GROUPS: Final = {4: (8, "."), 6: (16, ":")}


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRange:
    """All addresses that begin alike."""

    first: str
    last: str
    text: str
    """What they begin with where they are written out."""


def normalize_address(text: str) -> str | None:
    """An address in the form in which sign-ins leave it, or None if it is none."""
    address = client_ip.parse_ip(text)
    return str(address) if address else None


def parse_address_prefix(text: str) -> AddressRange | None:
    """The addresses that begin with ``192.0.2.`` or ``2001:db8:``, or None for other texts.

    Only whole groups are a beginning: the digits of ``192.0.2.1`` begin many addresses, and yet
    who types them means the one.
    """
    if _IPV4_BEGINNING.fullmatch(text):
        return _range(text, f"{text}{'.'.join('0' * (4 - text.count('.')))}", version=4)
    if _IPV6_BEGINNING.fullmatch(text):
        return _range(text.lower(), f"{text}:", version=6)
    return None


def _range(text: str, first: str, *, version: int) -> AddressRange | None:
    width, separator = _GROUPS[version]
    try:
        network = ip_network(f"{first}/{width * text.count(separator)}")
    except ValueError:
        return None
    return AddressRange(
        first=str(network.network_address), last=str(network.broadcast_address), text=text
    )


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
        return Q(pk=key) | Q(user__in=match_users(word, user_fields, using=using))
    if (at_address := match_address(word, using=using)) is not None:
        return at_address
    users = match_users(word, user_fields, using=using)
    return Q(user__in=users) | _begins("name_folded", fold(word), using=using)


def parse_key(word: str) -> UUID | None:
    """The key of a session; as text it is stored with dashes here and without them there."""
    try:
        return UUID(word)
    except ValueError:
        return None


def match_address(word: str, *, using: str) -> Q | None:
    """The rows of an address, or of a beginning of addresses; None if the word is neither."""
    if address := normalize_address(word):
        return Q(ip_address=address)
    beginning = parse_address_prefix(word)
    if beginning is None:
        return None
    if connections[using].vendor == "postgresql":
        return Q(ip_address__gte=beginning.first, ip_address__lte=beginning.last)
    return _begins("ip_address", beginning.text, using=using)


def match_users(word: str, fields: list[str], *, using: str) -> list[Any]:
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


class EventSearchMixin(SearchMixin):
    """The search of the list of events, in which users are found as in that of sessions."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.replace("\0", "").strip()
        if not term:
            return queryset, False
        fields = [name.removeprefix("user__") for name in self.get_search_fields(request)]
        # Taken for one thing, and so asked of one index; an OR over all of them would ask none.
        return queryset.filter(_matching_events(term, fields, using=queryset.db)), False


def _matching_events(term: str, user_fields: list[str], *, using: str) -> Q:
    if (at_address := match_address(term, using=using)) is not None:
        return at_address
    users = match_users(term, user_fields, using=using)
    key = parse_key(term)
    # Somebody's user name may have the form of a key.
    return Q(session__user__in=users) if users or key is None else Q(session=key)
