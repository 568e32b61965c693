"""A failover to a standby without the newest writes, with and without synchronous replication."""

from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest

from tests.clusters.equipment import needs_clusters

pytestmark = needs_clusters

SHORT = 2.0
"""Seconds in which a COMMIT waits for a standby, less than ``wal_sender_timeout``."""


@pytest.fixture
def server(patroni, site):
    return site.serve(patroni.database(site.name, "direct"))


@pytest.fixture
def leader(patroni):
    """A leader whose standbys get no more writes from now on, until it is killed."""
    leader = patroni.leader()
    yield leader
    patroni.repair()


def stop_replication(patroni, leader):
    # What the standbys have by then is certain.
    patroni.wait_until(patroni.is_replicated, "replicated")
    patroni.do("freeze", f"{leader}-postgres-link")


def kill(patroni, leader):
    # A link that continued would still deliver what it has received.
    link = f"{leader}-postgres-link"
    patroni.do("kill", leader, link)
    patroni.do("run", link)


def fail_over(patroni, leader):
    kill(patroni, leader)
    patroni.wait_for_other_leader(leader)


def wait_for_answer(patroni, ask):
    """Return the first status that is not 503."""
    answers = []

    def is_answered():
        answers.append(ask())
        return answers[-1] not in {0, 503}

    patroni.wait_until(is_answered, "answering")
    return answers[-1]


def reports(patroni, site):
    """The events that are neither logins nor logouts."""
    found = patroni.ask(
        patroni.leader(),
        "SELECT kind FROM refresh_sessions_sessionevent"
        " WHERE kind NOT IN ('signed_in', 'signed_out') ORDER BY id",
        database=site.name,
    )
    return [kind for (kind,) in found]


@pytest.mark.parametrize("patroni", ["patroni-async"], indirect=True)
class TestAsynchronous:
    """Acknowledged writes are lost; the package can repair lost rotations only."""

    def test_failover_forgets_logout_and_login_and_accepts_lost_rotation(
        self, patroni, site, server, leader
    ):
        logged_out, refreshed = server.log_in(), server.log_in()
        stop_replication(patroni, leader)
        assert server.log_out(logged_out["refresh"]) == 204
        assert server.status_of_call(logged_out["access"]) == 401
        newer = server.refresh(refreshed["refresh"]).body
        new = server.log_in()
        fail_over(patroni, leader)

        # The revoked session is valid again.
        call = wait_for_answer(patroni, lambda: server.status_of_call(logged_out["access"]))
        assert call == 200
        # The token that is newer than its row is accepted.
        newest = server.refresh(newer["refresh"])
        assert newest.status == 200
        assert server.status_of_call(newest.body["access"]) == 200
        # The new session is gone.
        assert server.status_of_call(new["access"]) == 401
        assert server.status_of_refresh(new["refresh"]) == 401
        assert reports(patroni, site) == ["token_ahead_of_database"]


@pytest.mark.parametrize("patroni", ["patroni"], indirect=True)
class TestSynchronous:
    """Nothing is acknowledged that a failover can lose."""

    def test_failover_during_logout_does_not_acknowledge_it(self, patroni, site, server, leader):
        login = server.log_in()
        stop_replication(patroni, leader)
        with ThreadPoolExecutor(1) as pool:
            logout = pool.submit(server.log_out, login["refresh"])
            sleep(SHORT)
            assert not logout.done()
            fail_over(patroni, leader)
            assert logout.result() != 204
        assert wait_for_answer(patroni, lambda: server.status_of_call(login["access"])) == 200
        assert server.log_out(login["refresh"]) == 204
        assert server.status_of_call(login["access"]) == 401
        assert reports(patroni, site) == []

    def test_failover_during_refresh_and_login_loses_nothing(self, patroni, site, server, leader):
        login = server.log_in()
        stop_replication(patroni, leader)
        with ThreadPoolExecutor(2) as pool:
            refresh = pool.submit(server.refresh, login["refresh"])
            new = pool.submit(server.login, "ada", "soak")
            sleep(SHORT)
            assert not refresh.done()
            assert not new.done()
            fail_over(patroni, leader)
            assert refresh.result() is None or refresh.result().status == 503
            assert new.result() is None or new.result().status == 503
        assert wait_for_answer(patroni, lambda: server.status_of_refresh(login["refresh"])) == 200
        assert reports(patroni, site) == []

    def test_leader_without_standbys_acknowledges_and_is_not_replaced(
        self, patroni, server, leader
    ):
        """``synchronous_mode`` prefers writes; ``synchronous_mode_strict`` would refuse them."""
        login = server.log_in()
        stop_replication(patroni, leader)
        assert wait_for_answer(patroni, lambda: server.log_out(login["refresh"])) == 204
        kill(patroni, leader)
        sleep(patroni.TTL + SHORT)
        assert not any(patroni.has_role(node, "primary") for node in patroni.NODES)
        patroni.do("run", leader)
        assert patroni.leader() == leader
        assert wait_for_answer(patroni, lambda: server.status_of_call(login["access"])) == 401
