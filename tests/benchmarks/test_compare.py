"""The comparison with other packages runs, and writes what it measured.

No assertion depends on a time.
"""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.compare.__main__ import choose_installed, main
from benchmarks.compare.output import page, report
from benchmarks.compare.output.charts import Bar, Chart
from benchmarks.compare.output.statistics import summarize, summarize_rounds
from benchmarks.compare.subjects import SUBJECTS

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / page.PAGE).read_text(encoding="utf-8")
HAS_GUNICORN = find_spec("gunicorn") is not None
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The results of a small run on SQLite: the baseline and this package."""
    file = tmp_path_factory.mktemp("compare") / "results.json"
    options = "--subjects baseline ours-session ours-stateless --database sqlite --rounds 2 --full"
    small = "--warm-up 0 --clients 2 --refreshes 4 --expired 3 --refreshed 1 --quiet"
    if HAS_GUNICORN:
        small += " --throughput --sessions 2 --requests 4 --turns 1"
    done = subprocess.run(  # noqa: S603  (our own program)
        [
            *(sys.executable, "-m", "benchmarks.compare", *options.split(), *small.split()),
            *("--json", str(file)),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text("utf-8")), done.stdout


@pytest.fixture(scope="session")
def results(run):
    return run[0]


@pytest.fixture(scope="session")
def subjects(results):
    return results["databases"]["sqlite"]["subjects"]


class TestRun:
    def test_run_measures_each_operation_of_each_subject(self, subjects):
        assert list(subjects) == ["baseline", "ours-session", "ours-stateless"]
        for result in subjects.values():
            assert list(result["operations"]) == ["login", "request", "refresh", "logout"]
            for operation in result["operations"].values():
                assert operation["ratio"]["low"] > 0
                # SQLite works within the process of Python.
                assert operation["subject"]["database"] is None

    def test_baseline_executes_the_least_statements(self, subjects):
        counts = {
            name: counted["statements"]
            for name, counted in subjects["baseline"]["statements"].items()
        }
        assert counts == {
            "login": 1,
            "request": 0,
            "refresh": 1,
            "request_after_refresh": 0,
            "logout": 1,
        }

    def test_first_request_after_a_refresh_confirms_the_delivery(self, subjects):
        statements = subjects["ours-session"]["statements"]
        assert statements["request"]["verbs"] == ["SELECT"]
        assert statements["request_after_refresh"]["verbs"] == ["SELECT", "UPDATE"]
        assert subjects["ours-stateless"]["statements"]["request_after_refresh"]["verbs"] == []

    def test_behaviour_of_package_with_defaults_is_that_of_its_documentation(self, subjects):
        assert set(subjects["ours-session"]["behaviour"].values()) == {True}

    def test_behaviour_without_a_read_lacks_immediate_revocation_only(self, subjects):
        behaviour = subjects["ours-stateless"]["behaviour"]
        missing = {name for name, observed in behaviour.items() if not observed}
        assert missing == {
            "logout_ends_access",
            "password_change_ends_access",
            "deactivation_ends_access",
        }

    def test_behaviour_of_baseline_has_no_detection_of_reuse(self, subjects):
        behaviour = subjects["baseline"]["behaviour"]
        assert behaviour["refuses_replay"]
        assert not behaviour["replay_ends_session"]
        assert not behaviour["survives_lost_answer"]

    def test_refreshes_add_no_rows(self, subjects):
        assert {result["growth"]["rows_per_100"] for result in subjects.values()} == {0}

    def test_prune_deletes_the_expired_sessions(self, subjects):
        # A session, its family, and the events of login and logout.
        assert subjects["ours-session"]["prune"]["rows"] == 3 * 4
        assert subjects["baseline"]["prune"] is None

    @pytest.mark.skipif(not HAS_GUNICORN, reason="gunicorn is not installed")
    def test_throughput_is_measured_for_requests_and_refreshes(self, subjects):
        for result in subjects.values():
            assert list(result["throughput"]) == ["request", "refresh"]
            assert result["throughput"]["refresh"]["rate"]["ratio"]["median"] > 0

    def test_output_is_tables_of_markdown(self, run):
        assert "| baseline | 1 | 0 | 1 | 0 | 1 |" in run[1]

    def test_command_in_the_results_names_no_place(self, results):
        assert "--json" not in results["about"]["command"]
        assert "results.json" not in results["about"]["command"]


class TestPage:
    @pytest.fixture
    def docs(self, tmp_path):
        (tmp_path / "images").mkdir()
        (tmp_path / page.PAGE).write_text(PAGE, encoding="utf-8")
        return tmp_path

    def test_page_has_a_marker_for_each_table(self):
        markers = re.findall("<!-- begin generated: (.*) -->", PAGE)
        assert sorted(markers) == sorted(page._BLOCKS)
        for name in markers:
            assert page.replace_block(PAGE, name, "x") != PAGE

    def test_page_shows_each_chart(self):
        named = set(re.findall(r"\(images/performance-(\w+)\.svg\)", PAGE))
        assert named == {"login", "request", "refresh", "logout", "wal"}

    def test_write_replaces_what_was_measured_and_nothing_else(self, results, docs):
        page.write(results, docs)
        written = (docs / page.PAGE).read_text("utf-8")
        assert report.statements(results) in written
        outside = re.compile("<!-- begin generated.*?<!-- end generated: ", re.DOTALL)
        assert outside.sub("", written) == outside.sub("", PAGE)
        # Twice the same.
        page.write(results, docs)
        assert (docs / page.PAGE).read_text("utf-8") == written

    def test_write_without_a_marker_fails(self, results, docs):
        (docs / page.PAGE).write_text("# Performance\n", encoding="utf-8")
        with pytest.raises(page.MarkerError, match="begin generated: about"):
            page.write(results, docs)

    def test_command_writes_an_earlier_run(self, results, docs, tmp_path, capsys):
        file = tmp_path / "earlier.json"
        file.write_text(json.dumps(results), encoding="utf-8")
        assert main(["--read", str(file), "--write", "--docs", str(docs)]) == 0
        images = sorted(path.name for path in (docs / "images").iterdir())
        assert images == [f"performance-{name}.svg" for name in
                          ("login", "logout", "refresh", "request")]  # fmt: skip


class TestChart:
    @pytest.fixture
    def root(self):
        bars = [Bar("a < b", [1.5, 0.5], "2.0", 1.5, 2.5), Bar("c", [4.0], "4.0", emphasised=True)]
        chart = Chart("Title & more", "Description.", "multiple", bars, ["Python", "PostgreSQL"])
        return ET.fromstring(chart.svg())  # noqa: S314  (our own)

    def test_chart_has_title_axis_and_labels(self, root):
        texts = [element.text for element in root.iter(f"{SVG}text")]
        assert {"Title & more", "multiple", "a < b", "2.0", "Python", "PostgreSQL"} <= set(texts)
        assert "aria-labelledby" in root.attrib

    def test_bars_are_in_proportion(self, root):
        bars = [r for r in root.iter(f"{SVG}rect") if r.get("height") == "16"]
        widths = [float(bar.get("width")) for bar in bars]
        assert widths[0] == pytest.approx(3 * widths[1], rel=0.01)
        assert widths[2] == pytest.approx(2 * (widths[0] + widths[1]), rel=0.01)

    def test_chart_has_its_own_background_for_light_and_dark_pages(self, root):
        assert next(root.iter(f"{SVG}rect")).get("class") == "background"
        assert "prefers-color-scheme: dark" in root.find(f"{SVG}style").text

    def test_everything_is_within_the_chart(self, root):
        width = float(root.get("viewBox").split()[2])
        for rect in root.iter(f"{SVG}rect"):
            assert float(rect.get("x", 0)) + float(rect.get("width")) <= width


class TestStatistics:
    def test_ratio_is_that_of_each_round(self):
        """The machine was three times as slow in the second round."""
        rounds = [
            {"login": {"subject": [20.0, 10.0], "baseline": [9.0, 1.0]}},
            {"login": {"subject": [60.0, 30.0], "baseline": [27.0, 3.0]}},
        ]
        ratio = summarize_rounds(rounds)["login"]["ratio"]
        assert ratio == {"median": 3, "low": 3, "high": 3}

    def test_operation_that_the_subject_lacks_is_left_out(self):
        rounds = [{"refresh": {"baseline": [1.0, None]}}]
        assert summarize_rounds(rounds) == {}

    def test_summary_of_a_single_value_is_this_value(self):
        assert summarize([2.0]) == {"median": 2, "low": 2, "high": 2}


@pytest.mark.parametrize("name", SUBJECTS)
def test_subject_without_its_distribution_is_left_out_with_a_sentence(name, monkeypatch):
    subject = SUBJECTS[name]
    monkeypatch.setattr(subject, "distribution", "no-such-distribution")
    said = []
    assert choose_installed([name, "ours-session"], said.append) in ([], ["ours-session"])
    assert said[0] == f"{name} is left out: no-such-distribution is not installed."


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_subject_is_described_on_the_page(subject):
    assert subject.title
    assert subject.notes.endswith(".")
