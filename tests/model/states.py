"""The line that says how much there was to search."""

from typing import Any

PROPERTY = "rotation model"


def say_states(terminalreporter: Any) -> None:
    """Sum up the worlds of all scenes that were searched, whichever process did it."""
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, ())]
    worlds = dict(value for r in reports for name, value in r.user_properties if name == PROPERTY)
    if worlds:
        terminalreporter.write_line(
            f"{PROPERTY}: {sum(worlds.values()):,} states in {len(worlds)} scenes, all of them"
        )
