"""Time to read hostile user agents and headers, as ratios to those of real clients.

    python -m benchmarks.devices

``note`` is the time during a request, ``kind`` the further time during a login, ``name`` the time
of a page that shows a device for the first time. ``name`` uses ua-parser, with its compiled
matcher if that is installed. The worst case is the slowest of many texts constructed to be slow.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator

ROUNDS = 7
LENGTH = 4096
HOPS_LENGTH = 100_000

_PIECES = (
    *("a", "0", " ", "/", "-", "_", ";", "(", ")", "()", "\x00", "; ", "; a", "1.", "a/1 "),
    *("aB1-_ ;/.", "Android ", "Android 1.", "(Linux; Android ", "Mozilla/5.0 ", "Windows NT "),
    *("Build/ ", "bot ", "iPhone ", "Opera/9.80 (", "Safari ", "HTC ", "Linux; U; ", "Tizen TV "),
)
_BEGINNINGS = (
    *("", "Mozilla/5.0 (Linux; Android 14; ", "Mozilla/5.0 (Windows NT 10.0) "),
    *("Mozilla/5.0 (iPhone) ", "Shop/1 (Linux; Android 10; "),
)


def main() -> None:
    """Measure, and print a table."""
    _configure()
    from refresh_sessions.client_ip import get_client_ip
    from refresh_sessions.devices import ClientHints, get_device_kind, names, read_device
    from refresh_sessions.devices.texts import strip_control_chars
    from tests.devices.agents import AGENTS

    real = [agent for *_, agent in AGENTS if agent]
    hostile = list(_hostile())
    _print("note", _over_requests(read_device, "HTTP_USER_AGENT"), real, hostile)
    real, hostile = ([strip_control_chars(text) for text in texts] for texts in (real, hostile))
    hints = ClientHints()
    _print("kind", lambda agent: get_device_kind(agent, hints), real, hostile)
    # Without the cache.
    _print("name", lambda agent: names._read_client.__wrapped__(agent, hints), real, hostile)  # noqa: SLF001
    hops = [f"{text * (HOPS_LENGTH // len(text))}, 203.0.113.9" for text in _PIECES]
    _print("address", _over_requests(get_client_ip, "HTTP_X_FORWARDED_FOR"), ["203.0.113.9"], hops)


def _hostile() -> Iterator[str]:
    for piece in _PIECES:
        for beginning in _BEGINNINGS:
            yield (beginning + piece * LENGTH)[:LENGTH]


def _over_requests(read: Callable[..., object], header: str) -> Callable[[str], object]:
    from django.http import HttpRequest

    request = HttpRequest()
    request.META["REMOTE_ADDR"] = "10.0.0.1"

    def call(text: str) -> object:
        request.META[header] = text
        return read(request)

    return call


def _print(
    name: str, call: Callable[[str], object], real: Iterable[str], hostile: Iterable[str]
) -> None:
    usual = sorted(_time(call, text) for text in real)
    worst = sorted(_time(call, text) for text in hostile)
    median = statistics.median(usual)
    for case, seconds in (
        ("usual", median),
        ("slowest real", usual[-1]),
        ("usual hostile", statistics.median(worst)),
        ("worst hostile", worst[-1]),
    ):
        line = f"{name:8} {case:16} {seconds * 1e6:8.1f} µs   {seconds / median:6.1f} of usual"
        print(line)  # noqa: T201  (the output of the program)


def _time(call: Callable[[str], object], text: str) -> float:
    """The time of the fastest of several calls, which other processes disturb least."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call(text)
        best = min(best, time.perf_counter() - start)
    return best


def _configure() -> None:
    import django
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
        REFRESH_SESSIONS={"TRUSTED_PROXIES": ("10.0.0.0/8",)},
        USE_I18N=False,
    )
    django.setup()


if __name__ == "__main__":
    main()
