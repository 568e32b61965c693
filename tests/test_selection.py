"""Which tests use a database, the report of .ci/run, and the table in tests/README.md."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.selection import MARK, Record

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"


@pytest.fixture
def indirect(user):
    """Use a database by way of another fixture."""
    return user


class TestMark:
    def test_mark_of_a_test_with_indirect_database_fixture_is_set(self, request, indirect):
        assert request.node.get_closest_marker(MARK)

    @pytest.mark.django_db
    def test_mark_of_a_test_with_django_db_is_set(self, request):
        assert request.node.get_closest_marker(MARK)

    def test_mark_of_a_test_with_live_server_is_set(self, request, live_server):
        assert request.node.get_closest_marker(MARK)

    def test_mark_of_a_test_without_database_is_absent(self, request, client, settings):
        assert not request.node.get_closest_marker(MARK)

    @pytest.mark.parametrize("name", ["db", "transactional_db", "user"])
    def test_database_fixture_requested_by_name_without_mark_fails(self, request, name):
        with pytest.raises(pytest.fail.Exception, match="mark it django_db"):
            request.getfixturevalue(name)


class TestRecord:
    @pytest.fixture
    def record(self, tmp_path):
        return Record(tmp_path)

    @pytest.mark.parametrize(
        ("when", "outcome", "ran", "skipped"),
        [
            ("setup", "passed", [], {}),
            ("setup", "failed", ["t"], {}),
            ("setup", "skipped", [], {"t": "no driver"}),
            ("call", "passed", ["t"], {}),
            ("call", "failed", ["t"], {}),
            ("call", "skipped", [], {"t": "no driver"}),
        ],
    )
    def test_record_of_an_outcome_tells_ran_from_skipped(
        self, record, tmp_path, when, outcome, ran, skipped
    ):
        place = ("test_t.py", 1, "no driver") if outcome == "skipped" else None
        record.pytest_runtest_logreport(
            pytest.TestReport("t", ("test_t.py", 1, "t"), {}, outcome, place, when)
        )
        record.pytest_sessionfinish()
        (file,) = tmp_path.iterdir()
        written = json.loads(file.read_text("utf-8"))
        assert written == {"collected": [], "ran": ran, "skipped": skipped}

    def test_record_of_deselected_tests_keeps_them_as_collected(self, tmp_path):
        """``-m`` removes each test of a file without a database."""
        (tmp_path / "records").mkdir()
        options = ("-p", "no:cacheprovider", "-m", MARK)
        subprocess.run(  # noqa: S603  (our own interpreter)
            [sys.executable, "-m", "pytest", *options, "tests/unit/test_tokens.py"],
            cwd=ROOT,
            env={**os.environ, "REFRESH_SESSIONS_RECORD": str(tmp_path / "records")},
            check=False,
            capture_output=True,
        )
        (file,) = (tmp_path / "records").iterdir()
        written = json.loads(file.read_text("utf-8"))
        assert len(written["collected"]) > 10
        assert written["ran"] == []


class TestReport:
    @pytest.fixture
    def modules(self):
        """One test of each module that .ci/run has to collect."""
        clients = TESTS / "clients"
        found = [path for path in TESTS.rglob("test_*.py") if not path.is_relative_to(clients)]
        return [f"{path.relative_to(ROOT).as_posix()}::test" for path in found]

    @pytest.fixture
    def report(self, tmp_path):
        (tmp_path / "tests").mkdir()

        def run(*records, **environments):
            for number, record in enumerate(records):
                (tmp_path / "tests" / f"{number}.json").write_text(json.dumps(record))
            results = {name: {"result": result} for name, result in environments.items()}
            (tmp_path / "tox-x.json").write_text(json.dumps({"testenvs": results}))
            return subprocess.run(  # noqa: S603  (our own script)
                [sys.executable, "scripts/ci-report", str(tmp_path)],
                cwd=ROOT,
                capture_output=True,
                encoding="utf-8",
                check=False,
            )

        return run

    def test_report_of_tests_that_ran_in_different_runs_passes(self, report, modules):
        half = len(modules) // 2
        done = report(
            {"collected": modules, "ran": modules[:half], "skipped": {modules[-1]: "SQLite"}},
            {"collected": modules[half:], "ran": modules[half:], "skipped": {}},
            base={"success": True, "duration": 61.2, "skipped": False},
        )
        assert done.returncode == 0, done.stderr
        assert "61 s  base" in done.stdout
        assert done.stdout.endswith("failed environments: none\n")

    def test_report_of_a_test_selected_by_no_run_fails(self, report, modules):
        done = report({"collected": modules, "ran": modules[1:], "skipped": {}})
        assert done.returncode == 1
        assert f"ran nowhere: {modules[0]}: selected by no run" in done.stdout

    def test_report_of_a_test_skipped_by_every_run_tells_the_reason(self, report, modules):
        skipped = {modules[0]: "no driver"}
        done = report({"collected": modules, "ran": modules[1:], "skipped": skipped})
        assert done.returncode == 0
        assert f"skipped in each environment: {modules[0]}: no driver" in done.stdout

    def test_report_of_a_module_that_no_run_collected_fails(self, report, modules):
        done = report({"collected": modules[1:], "ran": modules[1:], "skipped": {}})
        assert done.returncode == 1
        assert f"ran nowhere: {modules[0].removesuffix('::test')}: collected by" in done.stdout

    def test_report_of_a_run_without_records_fails(self, report):
        assert report().returncode == 1

    def test_report_of_failed_environments_names_them_last(self, report, modules):
        failed = {"success": False, "duration": 1.0}
        done = report(
            {"collected": modules, "ran": modules, "skipped": {}},
            base=failed,
            style={"success": True, "duration": 2.0},
            typing=failed,
        )
        assert done.returncode == 1
        assert done.stdout.endswith("failed environments: base, typing\n")


def test_table_of_folders_has_each_folder_once():
    page = (TESTS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w/]+)/` \|", page, re.MULTILINE)
    folders = {path.parent for path in TESTS.glob("*/**/*.py") if path.name.startswith("test_")}
    tops = {folder.relative_to(TESTS).parts[0] for folder in folders}
    assert sorted(rows) == sorted(tops)


def test_conditions_of_tox_stand_on_the_line_of_their_value():
    """Tox takes a value that begins on the next line for one of every environment."""
    lines = (TESTS.parent / "tox.ini").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if re.fullmatch(r"\s+[\w!,-]+:\s*\\?", line)]
