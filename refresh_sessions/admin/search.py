"""Search for sessions and events; every query uses an index."""

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

_IPV4_PREFIX: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,2}\.")

_IPV6_PREFIX: Final = re.compile(r"[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6}:", re.IGNORECASE)

_GROUPS: Final = {4: (8, "."), 6: (16, ":")}


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRange:
    """All addresses with a common prefix."""

    first: str
    last: str
    text: str
    """The prefix as text."""


def normalize_address(text: str) -> str | None:
    """The address as a login stores it, or None if ``text`` is not an address."""
    address = client_ip.parse_ip(text)
    return str(address) if address else None


def parse_address_prefix(text: str) -> AddressRange | None:
    """The range of a prefix such as ``192.0.2.`` or ``2001:db8:``; None for other texts.

    A prefix has to end with a separator: ``192.0.2.1`` is one address and not the prefix of
    ``192.0.2.10``.
    """
    if _IPV4_PREFIX.fullmatch(text):
        return _range(text, f"{text}{'.'.join('0' * (4 - text.count('.')))}", version=4)
    if _IPV6_PREFIX.fullmatch(text):
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
"""Maximum number of users that one word of a search matches."""

WORDS: Final = 2
"""Maximum number of words that are searched one by one; longer phrases are device names."""


class SearchMixin(AnyModelAdmin):
    """The search of the list of sessions."""

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """The searched fields of the user model: user name and email address."""
        user = get_user_model()
        known = {field.name for field in user._meta.get_fields()}
        names = {user.USERNAME_FIELD, user.get_email_field_name()} & known
        return tuple(f"user__{name}" for name in sorted(names))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[DeviceSession], search_term: str
    ) -> tuple[QuerySet[DeviceSession], bool]:
        # The form of the change list rejects NUL; Django's autocomplete view has no form.
        phrase = search_term.replace("\0", "").strip()
        if not phrase:
            return queryset, False
        fields = [name.removeprefix("user__") for name in self.get_search_fields(request)]
        return queryset.filter(_session_condition(phrase, fields, using=queryset.db)), False


def _session_condition(phrase: str, user_fields: list[str], *, using: str) -> Q:
    words = phrase.split()
    if len(words) == 1:
        return _word_condition(phrase, user_fields, using=using)
    by_name = Q(name_folded__startswith=fold(phrase))
    if len(words) > WORDS:
        return by_name
    each = (_word_condition(word, user_fields, using=using) for word in words)
    return by_name | reduce(operator.and_, each)


def _word_condition(word: str, user_fields: list[str], *, using: str) -> Q:
    if (key := parse_primary_key(word)) is not None:
        # A user name may be a UUID, for example from an identity provider.
        return Q(pk=key) | Q(user__in=match_users(word, user_fields, using=using))
    if (by_address := match_address(word, using=using)) is not None:
        return by_address
    users = match_users(word, user_fields, using=using)
    return Q(user__in=users) | _starts_with("name_folded", fold(word), using=using)


def parse_primary_key(word: str) -> UUID | None:
    """The word as a UUID, or None; databases store the text with or without dashes."""
    try:
        return UUID(word)
    except ValueError:
        return None


def match_address(word: str, *, using: str) -> Q | None:
    """The condition for an address or a prefix of addresses; None if the word is neither."""
    if address := normalize_address(word):
        return Q(ip_address=address)
    prefix = parse_address_prefix(word)
    if prefix is None:
        return None
    if connections[using].vendor == "postgresql":
        return Q(ip_address__gte=prefix.first, ip_address__lte=prefix.last)
    return _starts_with("ip_address", prefix.text, using=using)


def match_users(word: str, fields: list[str], *, using: str) -> list[Any]:
    """The keys of at most ``USERS`` users whose name or email address starts with the word."""
    model = get_user_model()
    searched = [name for name in fields if "@" in word or _has_index(model._meta.get_field(name))]
    if not searched:
        return []
    spellings = {word, word.lower()}
    conditions = (_starts_with(name, text, using=using) for name in searched for text in spellings)
    users = model._base_manager.using(using).filter(reduce(operator.or_, conditions))
    return list(users.values_list("pk", flat=True)[:USERS])


def _has_index(field: Any) -> bool:
    # Django's user model has no index on the email address. Search it only for words with an @,
    # because such a query scans all users.
    return bool(field.unique or field.db_index)


def _starts_with(field: str, text: str, *, using: str) -> Q:
    # PostgreSQL has an index for "startswith". MySQL and MariaDB have one for "istartswith",
    # because their collations ignore case.
    lookup = "istartswith" if connections[using].vendor == "mysql" else "startswith"
    return Q(**{f"{field}__{lookup}": text})


class EventSearchMixin(SearchMixin):
    """The search of the list of events; it finds users as the search of sessions does."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.replace("\0", "").strip()
        if not term:
            return queryset, False
        fields = [name.removeprefix("user__") for name in self.get_search_fields(request)]
        # Interpret the term in one way only: an OR over several columns would use no index.
        return queryset.filter(_event_condition(term, fields, using=queryset.db)), False


def _event_condition(term: str, user_fields: list[str], *, using: str) -> Q:
    if (by_address := match_address(term, using=using)) is not None:
        return by_address
    users = match_users(term, user_fields, using=using)
    key = parse_primary_key(term)
    # A user name may be a UUID.
    return Q(session__user__in=users) if users or key is None else Q(session=key)
