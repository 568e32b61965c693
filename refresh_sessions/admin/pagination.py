"""Change lists and pagination for tables that are too large to count."""

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
    # Django's class accepts no type parameter at run time.
    _Paginator = Paginator

BOUND: Final = 10_000
"""Maximum number of rows that a list counts and pages through; filters reach the others."""


class BoundedPaginator(_Paginator):
    """A paginator that stops counting at ``BOUND``: a full count reads the whole table."""

    reads_first_page = False
    """Whether to read the first page before counting.

    If the first page holds all rows, no count query is needed. That halves the cost of a
    selective filter, which scans many rows for each query.
    """

    @cached_property
    def first_rows(self) -> list[Any] | None:
        """The rows of the first page and one more, or None if another page is requested."""
        return list(self.object_list[: self.per_page + 1]) if self.reads_first_page else None

    def page(self, number: int | str) -> Page[Any]:
        """The page ``number``; the first page needs no query if it has been read."""
        if self.first_rows is None or self.validate_number(number) != 1:
            return super().page(number)
        return Page(self.first_rows[: self.per_page], 1, self)

    @cached_property
    def count(self) -> int:
        """The number of rows on all pages, at most ``BOUND``."""
        return min(self._counted, BOUND)

    @property
    def has_more(self) -> bool:
        """Whether the table has more rows than the pages show."""
        return self._counted > BOUND

    @cached_property
    def _counted(self) -> int:
        if self.first_rows is not None and len(self.first_rows) <= self.per_page:
            return len(self.first_rows)
        rows: Any = self.object_list
        # Keep the list's ordering: without it PostgreSQL would scan the table instead of the
        # index. Without annotations, which would be computed for each row.
        return int(rows.values("pk")[: BOUND + 1].count())


_PATTERNS: Final = ("regex", "iregex")

if TYPE_CHECKING:
    _ChangeList = ChangeList
else:
    # At run time the mixin also extends the class of a theme.
    _ChangeList = object


class LargeListMixin(AnyModelAdmin):
    """A change list with bounded queries that answers any query string without a server error."""

    paginator = BoundedPaginator
    # Both would count the whole table.
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Any], per_page: int, *args: Any, **kw: Any
    ) -> Any:
        paginator = super().get_paginator(request, queryset, per_page, *args, **kw)
        if isinstance(paginator, BoundedPaginator):
            # A POST is an action on selected rows and renders no page.
            renders_page = request.method == "GET"
            paginator.reads_first_page = renders_page and request.GET.get(PAGE_VAR, "1") == "1"
        return paginator

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        base: Any = super().get_changelist(request, **kwargs)
        return _bounded_changelist(base)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Whether the query string may filter by this lookup.

        Hidden columns are refused: filters on prefixes would reveal a digest letter by letter.
        Regular expressions and NUL are refused because some databases raise errors on them.
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
        """Count the rows and read the page.

        Raises:
            IncorrectLookupParameters: a value is valid for Django and invalid for the database.

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
    return type(f"Bounded{base.__name__}", (_BoundedMixin, base), {})
