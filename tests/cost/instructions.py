"""Counts bytecode instructions, which do not depend on the speed or the load of a machine."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

BASELINE = Path(__file__).with_name("baseline.json")
"""Instructions of each operation, as multiples of a view without authentication."""

PYTHON = (3, 13)
"""The release of the baseline: each release compiles to other instructions."""

_WARM_UP = 6
_ROUNDS = 3
_TOOL = 3
"""An identifier that neither debuggers nor coverage use."""


class BareView(APIView):
    """A view that does nothing."""

    authentication_classes = ()
    permission_classes = ()

    def get(self, request):
        return Response({})


def count_instructions(call: Callable[[], int]) -> int:
    """Return the instructions of one call that answers with a successful status.

    The first calls fill caches and are not counted.
    """
    for _ in range(_WARM_UP):
        assert 200 <= call() < 300
    return min(_count(call) for _ in range(_ROUNDS))


def count_bare_view() -> int:
    """Return the instructions of ``BareView``."""
    factory, view = APIRequestFactory(), BareView.as_view()
    return count_instructions(lambda: view(factory.get("/")).render().status_code)


def read_baseline() -> dict[str, float]:
    stored: dict[str, float] = json.loads(BASELINE.read_text())
    return stored


def write_baseline(operation: str, multiple: float) -> None:
    stored = {**read_baseline(), operation: round(multiple, 2)}
    BASELINE.write_text(json.dumps(dict(sorted(stored.items())), indent=2) + "\n")


def _count(call: Callable[[], int]) -> int:
    count = 0

    def add(code: object, offset: int) -> None:
        nonlocal count
        count += 1

    # Not in Python 3.11, for which the tests are checked too.
    monitoring = getattr(sys, "monitoring")  # noqa: B009
    monitoring.use_tool_id(_TOOL, __name__)
    try:
        monitoring.register_callback(_TOOL, monitoring.events.INSTRUCTION, add)
        monitoring.set_events(_TOOL, monitoring.events.INSTRUCTION)
        call()
    finally:
        monitoring.set_events(_TOOL, 0)
        monitoring.free_tool_id(_TOOL)
    return count
