"""Tables of a run in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from benchmarks.compare.client_groups import OPERATIONS
from benchmarks.compare.subjects import SUBJECTS

Results = Mapping[str, Any]
"""``about``, and ``databases`` with the subjects of each database."""

_DASH: Final = "\N{EN DASH}"

_SAME: Final = 0.05
"""The difference up to which two medians count as about the same."""

_QUIET: Final = 0.5
"""The load per processor up to which requests per second are shown."""

OWN: Final = "ours-session"
"""The subject with the defaults of this package."""

_BEHAVIOUR: Final = {
    "logout_ends_access": "logout",
    "password_change_ends_access": "password change",
    "deactivation_ends_access": "deactivation",
    "survives_lost_answer": "retry at once",
    "survives_lost_answer_after_an_hour": "retry an hour later",
    "refuses_replay": "old token refused",
    "replay_ends_session": "session ended",
    "theft_is_ended_by_owner": "attacker ended",
}


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main_database(results: Results) -> Mapping[str, Any]:
    """PostgreSQL, if it was measured."""
    databases: Mapping[str, Mapping[str, Any]] = results["databases"]
    return databases.get("postgresql") or next(iter(databases.values()))


def subjects_of(results: Results, measured: str) -> dict[str, Any]:
    """For each subject of the main database its results of one kind, if it has any."""
    subjects = main_database(results)["subjects"]
    return {name: found for name, result in subjects.items() if (found := result.get(measured))}


def title(name: str) -> str:
    """The name of a subject in tables and charts."""
    return SUBJECTS[name].title


def about(results: Results) -> str:
    """Machine, versions, date and command."""
    facts, server = results["about"], main_database(results)["server"]
    settings = ", ".join(f"`{key} = {value}`" for key, value in server["settings"].items())
    rows = [
        ("date", facts["date"]),
        ("command", f"`{facts['command']}`"),
        ("machine", f"{facts['processors']} processors, {facts['processor']}, {facts['system']}"),
        ("load before the run", str(facts["load"])),
        ("Python", facts["python"]),
        ("Django", facts["django"]),
        ("Django REST framework", facts["djangorestframework"]),
        ("database", f"{server['name']}, {settings}" if settings else server["name"]),
        ("rounds", f"{facts['rounds']}, each with {facts['clients']} calls of a kind"),
    ]
    return table(["", ""], rows)


def subjects(results: Results) -> str:
    """The compared packages with their settings."""
    found = main_database(results)["subjects"].items()
    rows = [(title(name), result["version"], SUBJECTS[name].notes) for name, result in found]
    return table(["subject", "version", "settings"], rows)


def ratios(results: Results) -> str:
    """Median and quartiles of the ratio to the baseline."""
    return _ratios(main_database(results))


def ratios_on_sqlite(results: Results) -> str:
    """The same on SQLite."""
    return _ratios(results["databases"]["sqlite"])


def _ratios(database: Mapping[str, Any]) -> str:
    def cell(operation: Mapping[str, Any]) -> str:
        return _with_quartiles(operation["ratio"])

    return _per_operation(database["subjects"], cell)


def cpu(results: Results) -> str:
    """Microseconds of Python and of the database."""

    def cell(operation: Mapping[str, Any]) -> str:
        cost = operation["subject"]
        python = f"{cost['python']['median']:,.0f}"
        return f"{python} + {cost['database']['median']:,.0f}" if cost["database"] else python

    return _per_operation(main_database(results)["subjects"], cell)


def _per_operation(measured: Mapping[str, Any], cell: Callable[[Mapping[str, Any]], str]) -> str:
    rows = []
    for name, result in measured.items():
        found = [result["operations"].get(operation) for operation in OPERATIONS]
        rows.append([title(name), *(cell(one) if one else _DASH for one in found)])
    return table(["subject", *OPERATIONS], rows)


def statements(results: Results) -> str:
    """Statements, and those of transaction control."""
    columns = {
        "login": "login",
        "request": "request",
        "refresh": "refresh",
        "request_after_refresh": "first request after it",
        "logout": "logout",
    }

    def cell(counted: Mapping[str, Any] | None) -> str:
        if counted is None:
            return _DASH
        control = f" + {counted['transaction']}" if counted["transaction"] else ""
        return f"{counted['statements']}{control}"

    rows = [
        [title(name), *(cell(counted.get(column)) for column in columns)]
        for name, counted in subjects_of(results, "statements").items()
    ]
    return table(["subject", *columns.values()], rows)


def behaviour(results: Results) -> str:
    """What clients and attackers observe."""
    words = {True: "yes", False: "no", None: _DASH}
    rows = [
        [title(name), *(words[observed[key]] for key in _BEHAVIOUR)]
        for name, observed in subjects_of(results, "behaviour").items()
    ]
    return table(["subject", *_BEHAVIOUR.values()], rows)


def simultaneous(results: Results) -> str:
    """Clients after simultaneous refreshes, summed over all trials."""
    columns = {
        "successful": "new tokens or an access token",
        "refused": "refused (4xx)",
        "failed": "error (5xx)",
        "logged_out": "clients logged out",
    }
    rows = []
    for name, trials in subjects_of(results, "simultaneous").items():
        sums = [str(sum(trial[column] for trial in trials)) for column in columns]
        chains = sorted({trial["chains"] for trial in trials})
        shown = str(chains[0]) if len(chains) == 1 else f"{chains[0]}{_DASH}{chains[-1]}"
        rows.append([title(name), *sums, shown])
    return table(["subject", *columns.values(), "usable chains afterwards"], rows)


def growth(results: Results) -> str:
    """What a refresh and the request after it leave behind."""

    def cells(measured: Mapping[str, Any]) -> Iterator[str]:
        yield f"{measured['rows_per_100']:.0f}"
        for column in ("table_bytes", "index_bytes", "wal_bytes"):
            value = measured.get(column)
            yield _DASH if value is None else f"{value:,}"
        yield (
            f"{measured['updates_per_refresh']:g}" if "updates_per_refresh" in measured else _DASH
        )
        heap_only = measured.get("heap_only")
        yield _DASH if heap_only is None else f"{heap_only:.0%}"

    heading = ["subject", "rows per 100 refreshes", "bytes of tables", "bytes of indexes"]
    heading += ["bytes of write-ahead log", "rows updated", "of these heap-only"]
    found = subjects_of(results, "growth").items()
    return table(heading, [[title(name), *cells(measured)] for name, measured in found])


def prune(results: Results) -> str:
    """The commands that delete expired rows."""

    def cells(name: str, measured: Mapping[str, Any]) -> Iterator[str]:
        yield f"`{SUBJECTS[name].prune_command}`"
        yield f"{measured['rows']:,}"
        yield f"{measured['seconds']:.2f}"
        for column in ("python_seconds", "database_seconds"):
            yield _DASH if measured[column] is None else f"{measured[column]:.2f}"
        yield f"{measured['peak_megabytes']:.0f}"

    heading = ["subject", "command", "rows deleted", "seconds", "CPU seconds of Python"]
    heading += ["CPU seconds of the database", "megabytes of memory"]
    found = subjects_of(results, "prune").items()
    return table(heading, [[title(name), *cells(name, measured)] for name, measured in found])


def throughput(results: Results) -> str:
    """CPU time in gunicorn; requests per second if nothing else used the processors."""
    about_run = results["about"]
    is_quiet = (about_run["load"] or 0) < _QUIET * about_run["processors"]
    operations = ("request", "refresh")

    def cells(measured: Mapping[str, Any]) -> Iterator[str]:
        for operation in operations:
            cost = measured.get(operation) and measured[operation]["cpu"]
            yield _with_quartiles(cost["ratio"]) if cost else _DASH
        for operation in operations if is_quiet else ():
            rate = measured.get(operation) and measured[operation]["rate"]
            yield f"{rate['subject']['median']:,.0f}" if rate else _DASH

    heading = ["subject", "CPU time of a request", "CPU time of a refresh"]
    heading += ["requests per second", "refreshes per second"] if is_quiet else []
    found = subjects_of(results, "throughput").items()
    return table(heading, [[title(name), *cells(measured)] for name, measured in found])


def position(results: Results) -> str:
    """For each operation: the packages that need less CPU time than this one, and more."""
    measured = main_database(results)["subjects"]
    lines = []
    for operation in OPERATIONS:
        medians = {
            name: result["operations"][operation]["ratio"]["median"]
            for name, result in measured.items()
            if operation in result["operations"]
        }
        if OWN not in medians:
            continue
        own = medians[OWN]
        groups: dict[str, list[str]] = {"less": [], "about the same": [], "more": []}
        for name, median in sorted(medians.items(), key=itemgetter(1)):
            if not name.startswith("ours") and name != "baseline":
                groups[_compare(median, own)].append(f"{title(name)} ({median:.1f})")
        shown = [
            f"{word.capitalize()}: {'; '.join(names)}." for word, names in groups.items() if names
        ]
        lines.append(f"- **{operation.capitalize()}** ({own:.1f}). {' '.join(shown)}".rstrip())
    return "\n".join(lines)


def _compare(median: float, own: float) -> str:
    if abs(median - own) <= _SAME * own:
        return "about the same"
    return "less" if median < own else "more"


def _with_quartiles(ratio: Mapping[str, float]) -> str:
    return f"{ratio['median']:.1f} ({ratio['low']:.1f}{_DASH}{ratio['high']:.1f})"
