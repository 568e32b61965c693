"""Outcomes of a theft, for the model and for the package.

``issued_counts`` is what the attacker was given in addition to the copied tokens: new refresh
tokens, access tokens. A copied access token remains valid until it expires or is two generations
old, whatever the rotation rule.
"""

from datetime import timedelta

import pytest

from tests.model.actors import Actor, ModelServer, PackageServer
from tests.model.reference import RECOVERIES, RECOVERIES_BY_OTHERS, Confirm, Rule


@pytest.fixture(params=[True, False], ids=["evidence", "no evidence"])
def confirm(request):
    return request.param


@pytest.fixture(params=["model", pytest.param("package", marks=pytest.mark.django_db)])
def server(request, confirm):
    if request.param == "model":
        return ModelServer(Rule(confirm=Confirm.AT_ONCE if confirm else Confirm.NEVER))
    after = timedelta(0) if confirm else None
    request.getfixturevalue("options")(CONFIRM_DELIVERY_AFTER=after)
    return PackageServer(request.getfixturevalue("clock"))


@pytest.fixture
def owner(server):
    return Actor(server, server.log_in())


@pytest.fixture
def attacker(owner):
    """An attacker with a copy of the storage just after the login."""
    return owner.copy_tokens()


class TestAttackerFirst:
    def test_attacker_first_owner_returns_reuse_is_detected(
        self, server, confirm, owner, attacker
    ):
        assert attacker.refresh() == "new token"
        assert attacker.call()
        server.wait()
        returned = owner.refresh()
        if confirm:
            assert (returned, server.ended_by) == ("over", "reuse")
        else:
            # Without evidence the owner recovers the session; the attacker's next request is
            # reuse.
            assert returned == "new token"
            assert not attacker.call()
            server.wait()
            assert (attacker.refresh(), server.ended_by) == ("over", "reuse")
        assert attacker.issued_counts == (1, 1)

    def test_attacker_first_owner_recovers_attacker_is_detected(self, server, owner, attacker):
        assert attacker.refresh() == "new token"
        server.wait()
        assert owner.refresh() == "new token"
        assert not attacker.call()
        assert attacker.refresh() == "later"
        server.wait()
        assert (attacker.refresh(), server.ended_by) == ("over", "reuse")
        assert attacker.issued_counts == (1, 1)

    def test_attacker_first_refreshes_twice_is_detected_at_once(self, server, owner, attacker):
        assert attacker.refresh() == "new token"
        server.wait()
        assert attacker.refresh() == "new token"
        # Immediately with any settings, also within the overlap.
        assert (owner.refresh(), server.ended_by) == ("over", "reuse")
        assert not attacker.call()
        assert attacker.issued_counts == (2, 2)


class TestOwnerFirst:
    def test_owner_first_successor_used_attacker_is_detected(
        self, server, confirm, owner, attacker
    ):
        owner.refresh()
        assert owner.call()
        server.wait()
        if confirm:
            assert (attacker.refresh(), server.ended_by) == ("over", "reuse")
            assert attacker.issued_counts == (0, 0)
        else:
            assert attacker.refresh() == "new token"
            assert not owner.call()
            assert owner.refresh() == "later"
            server.wait()
            assert (owner.refresh(), server.ended_by) == ("over", "reuse")
            assert attacker.issued_counts == (1, 1)

    def test_owner_first_refreshed_twice_attacker_is_detected(self, server, owner, attacker):
        for _ in range(2):
            owner.refresh()
            server.wait()
        assert (attacker.refresh(), server.ended_by) == ("over", "reuse")
        assert attacker.issued_counts == (0, 0)

    def test_owner_first_successor_unused_attacker_gets_one_rotation(
        self, server, owner, attacker
    ):
        owner.refresh()
        server.wait()
        assert attacker.refresh() == "new token"
        # The owner's authentication does not apply to the attacker.
        assert not attacker.issued[-1].authenticated
        assert not owner.call()
        assert owner.refresh() == "later"
        server.wait()
        assert (owner.refresh(), server.ended_by) == ("over", "reuse")
        assert not attacker.call()
        assert attacker.issued_counts == (1, 1)


class TestAttackerWithinOverlap:
    def test_attacker_within_overlap_token_before_gets_one_access_token(
        self, server, owner, attacker
    ):
        owner.refresh()
        assert attacker.refresh() == "access only"
        assert attacker.call()
        assert owner.call()
        server.wait()
        assert owner.refresh() == "new token"
        # The access token is refused two generations later.
        assert not attacker.call()
        assert (attacker.refresh(), server.ended_by) == ("over", "reuse")
        assert attacker.issued_counts == (0, 1)

    def test_attacker_within_overlap_newest_token_gets_one_access_token(
        self, server, confirm, owner
    ):
        owner.refresh()
        attacker = owner.copy_tokens()
        assert attacker.refresh() == "access only"
        assert attacker.call()
        server.wait()
        assert owner.refresh() == "new token"
        assert owner.call()
        server.wait()
        again = attacker.refresh()
        if confirm:
            assert (again, server.ended_by) == ("over", "reuse")
            assert attacker.issued_counts == (0, 1)
        else:
            assert again == "new token"
            assert (owner.call(), owner.refresh()) == (False, "later")
            server.wait()
            assert (owner.refresh(), server.ended_by) == ("over", "reuse")
            assert attacker.issued_counts == (1, 2)


class TestIdleOwner:
    @pytest.mark.parametrize("rounds", [2, 20])
    def test_idle_owner_attacker_refreshes_until_owner_returns(
        self, server, owner, attacker, rounds
    ):
        for _ in range(rounds):
            assert attacker.refresh() == "new token"
            assert attacker.call()
            server.wait()
        assert attacker.issued_counts == (rounds, rounds)
        assert (owner.refresh(), server.ended_by) == ("over", "reuse")
        assert not attacker.call()


class TestNoTheft:
    def test_too_many_lost_answers_revoke_without_reuse(self, server, owner):
        for _ in range(RECOVERIES + 1):
            owner.send_refresh()
            server.wait()
        assert (owner.refresh(), server.ended_by) == ("over", "recovery_limit")

    def test_late_answer_without_refresh_token_is_harmless(self, server, owner):
        """The story of ``TestEarlyAnswers`` for a rule with more early answers."""
        owner.refresh()
        server.wait_half()
        late = owner.send_refresh()
        assert late.refresh is None
        server.wait()
        owner.refresh()
        owner.call()
        other_tab = owner.copy_tokens()
        owner.store(late)
        server.wait()
        other_tab.refresh()
        assert (owner.refresh(), server.ended_by) == ("access only", "")

    def test_owner_recoveries_exceed_limit_of_other_clients(self, server, owner):
        for _ in range(RECOVERIES_BY_OTHERS + 1):
            owner.send_refresh()
            server.wait()
        assert owner.refresh() == "new token"


class TestRetryingAttacker:
    def test_attacker_on_other_network_gets_limited_recoveries(self, server, owner, attacker):
        """The owner has refreshed, without a call as evidence."""
        owner.refresh()
        for _ in range(RECOVERIES_BY_OTHERS):
            server.wait()
            assert attacker.send_refresh(attacker.first).refresh
        server.wait()
        assert (attacker.refresh(), server.ended_by) == ("over", "recovery_limit")
        assert attacker.issued_counts == (RECOVERIES_BY_OTHERS, RECOVERIES_BY_OTHERS)
