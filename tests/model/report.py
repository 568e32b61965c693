"""Number of searched states in the summary of the tests."""

from typing import Any

PROPERTY = "rotation model"


def report_state_count(terminalreporter: Any) -> None:
    """Write the sum of the states of all scenarios, of all test processes."""
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, ())]
    states = dict(value for r in reports for name, value in r.user_properties if name == PROPERTY)
    if states:
        terminalreporter.write_line(
            f"{PROPERTY}: {sum(states.values()):,} states in {len(states)} scenarios"
        )
