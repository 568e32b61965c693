"""What the lists of sessions and of events have in common: tables too large to be read through."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.exceptions import FieldDoesNotExist
from django.db import DataError
from django.db.models import QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest

from refresh_sessions.admin.base import AnyModelAdmin
from refresh_sessions.admin.paginating import BoundedPaginator

_PATTERNS: Final = ("regex", "iregex")

if TYPE_CHECKING:
    _ChangeList = ChangeList
else:
    # At run time it mixes with the class of a theme as well.
    _ChangeList = object


class LargeListMixin(AnyModelAdmin):
    """A list that reads no more than it shows, and takes any address that somebody makes up."""

    paginator = BoundedPaginator
    # Counting reads what it counts.
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Any], per_page: int, *args: Any, **kw: Any
    ) -> Any:
        paginator = super().get_paginator(request, queryset, per_page, *args, **kw)
        if isinstance(paginator, BoundedPaginator):
            # What is posted names its rows itself, and shows none of the list's.
            is_shown = request.method == "GET"
            paginator.reads_first_page = is_shown and request.GET.get(PAGE_VAR, "1") == "1"
        return paginator

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        base: Any = super().get_changelist(request, **kwargs)
        return _sparing(base)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Whether the list may be narrowed so, by an address that somebody wrote by hand.

        Not by what no page shows: a digest can be found out by its beginning, a letter at a time.
        Nor by what a database refuses.
        """
        name, *others = lookup.split(LOOKUP_SEP)
        if "\0" in str(value) or (others and others[-1] in _PATTERNS) or self._is_hidden(name):
            return False
        return bool(super().lookup_allowed(lookup, value, request))

    def _is_hidden(self, name: str) -> bool:
        try:
            field = self.opts.get_field(name)
        except FieldDoesNotExist:
            return False
        is_key = getattr(field, "primary_key", False)
        return not (getattr(field, "editable", True) or is_key)


class _SparingMixin(_ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        """Count, and read the page.

        Raises:
            IncorrectLookupParameters: for values that pass as such and are none to the database.

        """
        try:
            super().get_results(request)
        except (ArithmeticError, DataError, ValueError) as error:
            raise IncorrectLookupParameters(error) from error
        rows = getattr(self.paginator, "first_rows", None)
        if rows is not None and not self.multi_page:
            self.result_list = rows


@lru_cache(maxsize=8)
def _sparing(base: type[ChangeList]) -> type[ChangeList]:
    return type(f"Sparing{base.__name__}", (_SparingMixin, base), {})
