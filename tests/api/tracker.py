"""An error tracker that ignores this package and ``sensitive_variables``.

It collects the data of Sentry's defaults: the repr of each local variable in each frame of the
exception and of its causes; the body of the request as parsed data, as form and as bytes.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from types import FrameType

from django.core.signals import got_request_exception
from rest_framework.request import Request

DEPTH = 6


class Tracker:
    """Reports of unhandled exceptions: one list of texts each."""

    def __init__(self) -> None:
        self.reports: list[list[str]] = []
        self.own_frames = 0

    def report(self, error: BaseException, request, *, everywhere: bool = False) -> None:
        """Return a report: the locals of package frames, or of all frames with ``everywhere``."""
        texts: list[str] = []
        for one in chain_of(error):
            texts += [str(one), repr(one)]
            trace = one.__traceback__
            while trace is not None:
                if is_ours(trace.tb_frame) or everywhere:
                    self.own_frames += 1
                    texts += reprs(dict(trace.tb_frame.f_locals))
                trace = trace.tb_next
        self.reports.append([*texts, *body_of(error, request)])


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        suppressed = error.__suppress_context__
        error = error.__cause__ or (None if suppressed else error.__context__)


def is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith("refresh_sessions")


def reprs(value: object, depth: int = 0) -> list[str]:
    """Return what a tracker shows of a variable: containers item by item, the repr of all else."""
    texts = [safe(repr, value)]
    if depth < DEPTH and isinstance(value, Mapping):
        for name, item in list(value.items()):
            texts += [safe(repr, name), *reprs(item, depth + 1)]
    elif depth < DEPTH and isinstance(value, list | tuple | set | frozenset):
        for item in value:
            texts += reprs(item, depth + 1)
    return texts


def body_of(error: BaseException, request) -> list[str]:
    """Return the body in all forms that REST framework and Django offer."""
    texts = []
    for rest in {id(item): item for item in _requests(error)}.values():
        texts += [
            safe(_as_json, rest, "data"),
            safe(_as_json, rest, "POST"),
            safe(repr, vars(rest)),
        ]
    texts.append(safe(_as_json, request, "POST"))
    texts.append(safe(_raw_body, request))
    texts.append(repr(request))
    return texts


def _as_json(request, name: str) -> str:
    return json.dumps(deepcopy(getattr(request, name)), default=repr)


def _raw_body(request) -> str:
    return str(request.body.decode())


def _requests(error: BaseException) -> Iterator[Request]:
    for one in chain_of(error):
        trace = one.__traceback__
        while trace is not None:
            for value in list(trace.tb_frame.f_locals.values()):
                if isinstance(value, Request):
                    yield value
            trace = trace.tb_next


def safe(function, *args) -> str:
    try:
        return str(function(*args))
    except Exception as error:  # noqa: BLE001 - a tracker survives whatever it meets
        return f"<{type(error).__name__}>"


@contextmanager
def tracking() -> Iterator[Tracker]:
    """Report the unhandled exceptions that Django signals."""
    tracker = Tracker()

    def collect(sender, request, **kwargs):
        error = sys.exception()
        assert error is not None
        tracker.report(error, request)

    got_request_exception.connect(collect)
    try:
        yield tracker
    finally:
        got_request_exception.disconnect(collect)


def lines_of(call) -> list[tuple[str, int]]:
    """Return each package line that a call runs, in order of its first run."""
    seen: dict[tuple[str, int], None] = {}

    def trace(frame, event, argument):
        if not is_ours(frame):
            return None
        if event == "line":
            seen[(frame.f_code.co_filename, frame.f_lineno)] = None
        return trace

    with _traced(trace):
        call()
    return list(seen)


@contextmanager
def failing_at(line: tuple[str, int], error: type[BaseException] = RuntimeError) -> Iterator[None]:
    """Raise at a line of the package when it first runs."""
    filename, number = line
    done = False

    def trace(frame, event, argument):
        nonlocal done
        if done or frame.f_code.co_filename != filename:
            return None
        if event == "line" and frame.f_lineno == number:
            done = True
            raise error("broken on purpose")
        return trace

    with _traced(trace):
        yield


@contextmanager
def _traced(trace) -> Iterator[None]:
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)
