"""Pages of tables too large to be counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.paginator import Paginator
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
        rows: Any = self.object_list
        # In the list's own order, which keeps PostgreSQL to an index: for any rows at all it
        # would rather begin to read the table.
        return int(rows[: BOUND + 1].count())
