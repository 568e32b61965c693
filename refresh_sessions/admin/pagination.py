"""Lists and pages of tables too large to be counted."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.exceptions import FieldDoesNotExist
from django.core.paginator import Page, Paginator
from django.db import DataError
from django.db.models import QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest
from django.utils.functional import cached_property

from refresh_sessions.admin.base import AnyModelAdmin

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    # Django's own class takes no type parameter at run time.
    _Paginator = Paginator

BOUND: Final = 10_000
"""Rows that are counted and can be paged through; who looks for older ones narrows the list."""


class BoundedPaginator(_Paginator):
    """Counts no further than ``BOUND``: a count of everything reads everything."""

    reads_first_page = False
    """Whether the first page is the one to be shown, and so is read before anything is counted.

    Where all rows are on it, that is their number. To count what a filter leaves, and to read it
    thereafter, would be twice the same walk, and a filter that leaves little walks far.
    """

    @cached_property
    def first_rows(self) -> list[Any] | None:
        """The rows of the first page and one more, if that page is the one to be shown."""
        return list(self.object_list[: self.per_page + 1]) if self.reads_first_page else None

    def page(self, number: int | str) -> Page[Any]:
        """One page; the first without a query, if it has been read."""
        if self.first_rows is None or self.validate_number(number) != 1:
            return super().page(number)
        return Page(self.first_rows[: self.per_page], 1, self)

    @cached_property
    def count(self) -> int:
        """How many rows can be paged through."""
        return min(self._counted, BOUND)

    @property
    def has_more(self) -> bool:
        """Whether there are rows that no page shows."""
        return self._counted > BOUND

    @cached_property
    def _counted(self) -> int:
        if self.first_rows is not None and len(self.first_rows) <= self.per_page:
            return len(self.first_rows)
        rows: Any = self.object_list
        # In the list's own order, which keeps PostgreSQL to an index: for any rows at all it
        # would rather begin to read the table.
        return int(rows[: BOUND + 1].count())


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
        return _bounded_changelist(base)

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


class _BoundedMixin(_ChangeList):
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
def _bounded_changelist(base: type[ChangeList]) -> type[ChangeList]:
    return type(f"Sparing{base.__name__}", (_BoundedMixin, base), {})
