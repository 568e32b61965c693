"""A replica that lags behind: whatever decides about a session asks the primary.

The replica here lags as far as one can, it has not even got the tables yet. A router sends it
every read that the package leaves to routers.
"""

import pytest
from django.db import connections

from refresh_sessions import sessions
from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions.prune import prune_sessions
from tests.api.client import Client
from tests.domain.stories import call, kinds, refused
from tests.factories import make_pair
from tests.faults.scenarios import let_overlap_pass, use_of

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
    """Whoever reads from it fails: for Django's tests, which forbid it, or for want of a table."""
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
    """Signed in, and refreshed a while ago."""
    pair = sessions.refresh_session(make_pair(methods=("pwd",)).refresh)
    let_overlap_pass(pair)
    return pair


@pytest.fixture
def other(pair):
    return make_pair(pair.session.user)


@pytest.fixture
def _lagging(replica, pair, other, settings, monkeypatch):
    """From here on all reads go to the replica, if nobody sends them elsewhere."""
    settings.DATABASE_ROUTERS = [f"{__name__}.ReadsFromReplica"]
    monkeypatch.setattr(ReadsFromReplica, "reading", True)


@pytest.mark.usefixtures("_lagging")
class TestAsksThePrimary:
    def test_sign_in(self, pair):
        assert call(make_pair(pair.session.user)) == "ok"

    def test_sign_in_with_a_limit(self, pair, options):
        options(MAX_SESSIONS_PER_USER=1)
        assert call(make_pair(pair.session.user)) == "ok"
        assert call(pair) == "session_revoked"

    def test_refresh(self, pair, options):
        options(MAX_REFRESHES_PER_SESSION=20)
        new = sessions.refresh_session(pair.refresh)
        assert new.refresh is not None
        assert sessions.refresh_session(pair.refresh).refresh is None

    @pytest.mark.parametrize("check", ["session", "cache", "stateless"])
    def test_access(self, pair, options, check):
        options(ACCESS_TOKEN_CHECK=check)
        assert [call(pair), call(pair)] == ["ok", "ok"]

    def test_sign_out(self, pair):
        claims = sessions.check_access_token(pair.access).claims
        assert sessions.log_out(claims) is True
        assert call(pair) == "session_revoked"

    def test_end(self, pair):
        assert sessions.revoke_session(pair.session, reason="admin") is True
        assert refused(pair.refresh) == "session_revoked"

    def test_end_of_many(self, pair, other):
        user = pair.session.user
        assert sessions.revoke_user_sessions(user, keep=pair.session, reason="admin") == 1
        assert (call(pair), call(other)) == ("ok", "session_revoked")

    def test_opening_a_family(self, pair):
        body = {"refresh": pair.refresh}
        answer = Client().post("sessions/branch/", body, access=pair.access)
        assert use_of(answer.json()["access"]) == "ok"

    def test_pruning(self):
        assert prune_sessions() == 0

    def test_list_of_sessions(self, pair):
        """People who have just ended a session must not be told that it lives."""
        answer = Client().get("sessions/", access=pair.access)
        assert len(answer.json()) == 2

    def test_ending_a_session_from_the_list(self, pair, other):
        path = f"sessions/{other.session.pk}/"
        assert Client().delete(path, access=pair.access).status_code == 204
        assert call(other) == "session_revoked"

    def test_renaming_a_session(self, pair, other):
        path = f"sessions/{other.session.pk}/"
        answer = Client().patch(path, {"name": "Phone"}, access=pair.access)
        assert (answer.status_code, answer.json()["name"]) == (200, "Phone")


@pytest.mark.usefixtures("_lagging")
def test_no_lag_makes_a_client_look_like_a_thief_or_hides_one(pair, monkeypatch):
    first = pair
    for _ in range(3):
        let_overlap_pass(pair)
        pair = sessions.refresh_session(pair.refresh)
        assert call(pair) == "ok"
    assert refused(first.refresh) == "session_revoked"
    monkeypatch.setattr(ReadsFromReplica, "reading", False)
    assert kinds(pair) == ["signed_in", "reuse_detected"]


@pytest.mark.usefixtures("_lagging")
def test_the_router_is_heard():
    """Or all the above would prove nothing."""
    assert DeviceSession.objects.all().db == REPLICA
