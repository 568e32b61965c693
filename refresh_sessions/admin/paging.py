"""The pages of the list: as many as a person turns, counted through an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.core.paginator import Paginator
from django.utils.functional import cached_property

from refresh_sessions.models import DeviceSession

COUNTED: Final = 10_000
"""Sessions that the list counts and pages through; a filter or a search finds the others."""

if TYPE_CHECKING:
    _Paginator = Paginator[DeviceSession]
else:
    _Paginator = Paginator


class BoundedPaginator(_Paginator):
    """Counts no further than to ``limit``, and says whether it stopped there.

    A count of all rows reads all of them. What lies beyond is not shown: nobody turns so many
    pages, and the last of them would cost as much as all before it.
    """

    limit: ClassVar[int] = COUNTED

    @cached_property
    def count(self) -> int:
        """The sessions that can be paged through."""
        return min(self._found, self.limit)

    @property
    def is_cut(self) -> bool:
        """Whether there are more than that."""
        return self._found > self.limit

    @cached_property
    def _found(self) -> int:
        # In the list's own order: that keeps to the list's index where any rows will do.
        sessions: Any = self.object_list  # a queryset: what a list of the admin pages through
        return int(sessions[: self.limit + 1].count())
