"""Age of requests at their completion, including those of disconnected clients."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from django.http import HttpRequest, HttpResponse

SENT_AT = "X-Sent-At"
DIRECTORY = "SOAK_AGES"

_oldest = 0.0


def measure_age(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that writes the age of this process's oldest request to a file."""
    directory = Path(os.environ[DIRECTORY])

    def middleware(request: HttpRequest) -> HttpResponse:
        global _oldest  # noqa: PLW0603  (one number per process)
        response = get_response(request)
        # Client and server share a machine and its clock.
        age = time.time() - float(request.headers.get(SENT_AT, time.time()))
        if age > _oldest:
            _oldest = age
            (directory / f"age-{os.getpid()}").write_text(str(age))
        return response

    return middleware


def oldest(directory: Path) -> float:
    """Return the age of the oldest request of all processes."""
    # A process that was killed while writing leaves an empty file.
    ages = [path.read_text() for path in directory.glob("age-*")]
    return max((float(age) for age in ages if age), default=0.0)
