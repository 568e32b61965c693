"""``scripts/clusters`` stops the processes that it has started, and no other."""

import getpass
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.redis_servers import import_script

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc of Linux"),
    # The processes outlive the script that starts them.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def processes(monkeypatch, tmp_path):
    """The module, with its state in a directory of the test."""
    module = import_script("cluster_processes")
    monkeypatch.setattr(module, "STATE", tmp_path / "state" / "state.json")
    return module


@pytest.fixture
def cluster(processes):
    """A cluster of two processes; one has a child."""
    cluster = processes.Cluster("galera", getpass.getuser())
    cluster.define("alone", "sleep", "1000")
    cluster.define("parent", "sh", "-c", "sleep 1000; true")
    for name in ("alone", "parent"):
        cluster.start(name)
    processes.wait_until(lambda: len(cluster.processes["parent"].members()) == 2, "no child")
    yield cluster
    if cluster.directory.exists():
        cluster.stop()


def state_of(pid):
    """The letter of the state, or an empty string after the end."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""
    return "" if state == "Z" else state


def test_killed_process_ends_with_its_children_and_without_the_others(cluster):
    members = cluster.processes["parent"].members()
    cluster.kill("parent")
    assert [state_of(pid) for pid in members] == ["", ""]
    assert cluster.processes["alone"].is_alive


def test_killed_process_starts_again_under_its_name(cluster):
    cluster.kill("alone")
    assert not cluster.processes["alone"].is_alive
    cluster.start("alone")
    assert cluster.processes["alone"].is_alive


def test_frozen_process_stops_until_it_is_thawed(processes, cluster):
    (pid,) = cluster.processes["alone"].members()
    cluster.freeze("alone")
    processes.wait_until(lambda: state_of(pid) == "T", "not frozen")
    cluster.thaw("alone")
    processes.wait_until(lambda: state_of(pid) == "S", "not thawed")


def test_stopped_cluster_leaves_no_process_and_no_file(processes, cluster):
    pids = [pid for process in cluster.processes.values() for pid in process.members()]
    cluster.freeze("alone")
    cluster.stop()
    assert [state_of(pid) for pid in pids] == ["", "", ""]
    assert not cluster.directory.exists()
    assert processes.Cluster.load("galera") is None


def test_stopped_cluster_leaves_process_that_got_the_id_of_its_own(cluster):
    with subprocess.Popen(["sleep", "1000"]) as other:  # noqa: S607
        try:
            cluster.kill("alone")
            # As after a restart of the machine: the same number, another start time.
            cluster.processes["alone"].pid = other.pid
            cluster.stop()
            assert state_of(other.pid) == "S"
        finally:
            os.kill(other.pid, signal.SIGKILL)


def test_cluster_of_another_checkout_is_not_loaded(processes, cluster, monkeypatch, tmp_path):
    assert processes.Cluster.load("galera") is not None
    copy = tmp_path / "copy"
    (tmp_path / "state").rename(copy)
    monkeypatch.setattr(processes, "STATE", copy / "state.json")
    assert processes.Cluster.load("galera") is None
    copy.rename(tmp_path / "state")
    monkeypatch.setattr(processes, "STATE", tmp_path / "state" / "state.json")
