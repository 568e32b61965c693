"""Pages of tables too large to be counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.paginator import Page, Paginator
from django.utils.functional import cached_property

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
