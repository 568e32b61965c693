"""A lagging replica: all decisions about sessions read from the primary.

This replica has no tables at all. A router sends to it all reads for which the package gives no
hint.
"""

import pytest
from django.db import connections

from refresh_sessions import sessions
from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions.prune import prune_sessions
from tests.api.client import Client
from tests.domain.client_actions import call, kinds, refused
from tests.factories import make_pair
from tests.faults.scenarios import call_code, end_overlap

pytestmark = pytest.mark.django_db

REPLICA = "replica"


class ReadsFromReplica:
    """The usual router of projects with a replica."""

    reading = False

    def db_for_read(self, model, **hints):
        return REPLICA if self.reading else None

    def db_for_write(self, model, **hints):
        return "default"


@pytest.fixture
def replica(tmp_path):
    """A replica without tables; every query to it fails."""
    connections.settings[REPLICA] = {
        **connections.settings["default"],
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": tmp_path / "replica.sqlite3",
        "OPTIONS": {},
    }
    yield
    connections[REPLICA].close()
    del connections[REPLICA]
    del connections.settings[REPLICA]


@pytest.fixture
def pair():
    """A session with a rotation before the overlap."""
    pair = sessions.refresh_session(make_pair(methods=("pwd",)).refresh)
    end_overlap(pair)
    return pair


@pytest.fixture
def other(pair):
    return make_pair(pair.session.user)


@pytest.fixture
def _lagging(replica, pair, other, settings, monkeypatch):
    """Route all reads without a hint to the replica."""
    settings.DATABASE_ROUTERS = [f"{__name__}.ReadsFromReplica"]
    monkeypatch.setattr(ReadsFromReplica, "reading", True)


@pytest.mark.usefixtures("_lagging")
class TestLaggingReplica:
    def test_login_with_lagging_replica_reads_primary(self, pair):
        assert call(make_pair(pair.session.user)) == "ok"

    def test_login_at_session_limit_with_lagging_replica_reads_primary(self, pair, options):
        options(MAX_SESSIONS_PER_USER=1)
        assert call(make_pair(pair.session.user)) == "ok"
        assert call(pair) == "session_revoked"

    def test_refresh_with_lagging_replica_reads_primary(self, pair, options):
        options(MAX_REFRESHES_PER_SESSION=20)
        new = sessions.refresh_session(pair.refresh)
        assert new.refresh is not None
        assert sessions.refresh_session(pair.refresh).refresh is None

    @pytest.mark.parametrize("check", ["session", "cache", "stateless"])
    def test_access_check_with_lagging_replica_reads_primary(self, pair, options, check):
        options(ACCESS_TOKEN_CHECK=check)
        assert [call(pair), call(pair)] == ["ok", "ok"]

    def test_logout_with_lagging_replica_reads_primary(self, pair):
        claims = sessions.check_access_token(pair.access).claims
        assert sessions.log_out(claims) is True
        assert call(pair) == "session_revoked"

    def test_revocation_with_lagging_replica_reads_primary(self, pair):
        assert sessions.revoke_session(pair.session, reason="admin") is True
        assert refused(pair.refresh) == "session_revoked"

    def test_revocation_of_many_with_lagging_replica_reads_primary(self, pair, other):
        user = pair.session.user
        assert sessions.revoke_user_sessions(user, keep=pair.session, reason="admin") == 1
        assert (call(pair), call(other)) == ("ok", "session_revoked")

    def test_open_family_with_lagging_replica_reads_primary(self, pair):
        body = {"refresh": pair.refresh}
        answer = Client().post("sessions/branch/", body, access=pair.access)
        assert call_code(answer.json()["access"]) == "ok"

    def test_prune_with_lagging_replica_reads_primary(self):
        assert prune_sessions() == 0

    def test_session_list_with_lagging_replica_reads_primary(self, pair):
        """The list must not show a session that the user has just revoked."""
        answer = Client().get("sessions/", access=pair.access)
        assert len(answer.json()) == 2

    def test_session_revocation_in_list_with_lagging_replica_reads_primary(self, pair, other):
        path = f"sessions/{other.session.pk}/"
        assert Client().delete(path, access=pair.access).status_code == 204
        assert call(other) == "session_revoked"

    def test_session_rename_with_lagging_replica_reads_primary(self, pair, other):
        path = f"sessions/{other.session.pk}/"
        answer = Client().patch(path, {"name": "Phone"}, access=pair.access)
        assert (answer.status_code, answer.json()["name"]) == (200, "Phone")


@pytest.mark.usefixtures("_lagging")
def test_reuse_detection_with_lagging_replica_is_correct(pair, monkeypatch):
    first = pair
    for _ in range(3):
        end_overlap(pair)
        pair = sessions.refresh_session(pair.refresh)
        assert call(pair) == "ok"
    assert refused(first.refresh) == "session_revoked"
    monkeypatch.setattr(ReadsFromReplica, "reading", False)
    assert kinds(pair) == ["signed_in", "reuse_detected"]


@pytest.mark.usefixtures("_lagging")
def test_router_with_lagging_replica_selects_replica():
    """Control: without a hint, queries use the replica."""
    assert DeviceSession.objects.all().db == REPLICA
