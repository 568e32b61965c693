"""Finding events by what somebody has at hand: a session's id, an address, a user."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from refresh_sessions.admin.searching import (
    SearchMixin,
    address_like,
    parse_key,
    users_like,
)


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
        return queryset.filter(_matching(term, fields, using=queryset.db)), False


def _matching(term: str, user_fields: list[str], *, using: str) -> Q:
    if (at_address := address_like(term, using=using)) is not None:
        return at_address
    users = users_like(term, user_fields, using=using)
    key = parse_key(term)
    # Somebody's user name may have the form of a key.
    return Q(session__user__in=users) if users or key is None else Q(session=key)
