"""What a thief gets, story by story: once in the model, once with the package.

``loot`` is what the thief was given beyond what he stole: new refresh tokens, access tokens. An
access token that he copied with the rest opens what it opens until it runs out or is two
generations old; no rotation rule changes that.
"""

from datetime import timedelta

import pytest

from tests.model.actors import Actor, ModelCounter, PackageCounter
from tests.model.reference import RECOVERIES, RECOVERIES_BY_OTHERS, Confirm, Rule


@pytest.fixture(params=[True, False], ids=["evidence", "no evidence"])
def confirm(request):
    return request.param


@pytest.fixture(params=["model", pytest.param("package", marks=pytest.mark.django_db)])
def counter(request, confirm):
    if request.param == "model":
        return ModelCounter(Rule(confirm=Confirm.AT_ONCE if confirm else Confirm.NEVER))
    after = timedelta(0) if confirm else None
    request.getfixturevalue("options")(CONFIRM_DELIVERY_AFTER=after)
    return PackageCounter(request.getfixturevalue("clock"))


@pytest.fixture
def victim(counter):
    return Actor(counter, counter.log_in())


@pytest.fixture
def thief(victim):
    """Has copied the storage just after sign-in."""
    return victim.copied()


class TestThiefFirst:
    def test_and_the_victim_returns(self, counter, confirm, victim, thief):
        assert thief.refresh() == "new token"
        assert thief.call()
        counter.wait()
        returned = victim.refresh()
        if confirm:
            assert (returned, counter.ended_by) == ("over", "reuse")
        else:
            # Without evidence the victim takes the session back; the thief's next step is one
            # too many.
            assert returned == "new token"
            assert not thief.call()
            counter.wait()
            assert (thief.refresh(), counter.ended_by) == ("over", "reuse")
        assert thief.loot == (1, 1)

    def test_and_keeps_quiet(self, counter, victim, thief):
        assert thief.refresh() == "new token"
        counter.wait()
        assert victim.refresh() == "new token"
        assert not thief.call()
        assert thief.refresh() == "later"
        counter.wait()
        assert (thief.refresh(), counter.ended_by) == ("over", "reuse")
        assert thief.loot == (1, 1)

    def test_and_again(self, counter, victim, thief):
        assert thief.refresh() == "new token"
        counter.wait()
        assert thief.refresh() == "new token"
        # At once, whatever the settings: also inside the overlap.
        assert (victim.refresh(), counter.ended_by) == ("over", "reuse")
        assert not thief.call()
        assert thief.loot == (2, 2)


class TestVictimFirst:
    def test_and_has_used_the_successor(self, counter, confirm, victim, thief):
        victim.refresh()
        assert victim.call()
        counter.wait()
        if confirm:
            assert (thief.refresh(), counter.ended_by) == ("over", "reuse")
            assert thief.loot == (0, 0)
        else:
            assert thief.refresh() == "new token"
            assert not victim.call()
            assert victim.refresh() == "later"
            counter.wait()
            assert (victim.refresh(), counter.ended_by) == ("over", "reuse")
            assert thief.loot == (1, 1)

    def test_and_has_refreshed_again(self, counter, victim, thief):
        for _ in range(2):
            victim.refresh()
            counter.wait()
        assert (thief.refresh(), counter.ended_by) == ("over", "reuse")
        assert thief.loot == (0, 0)

    def test_and_has_not_used_the_successor_yet(self, counter, victim, thief):
        victim.refresh()
        counter.wait()
        assert thief.refresh() == "new token"
        # What the victim proved at sign-in is not the thief's.
        assert not thief.got[-1].proven
        assert not victim.call()
        assert victim.refresh() == "later"
        counter.wait()
        assert (victim.refresh(), counter.ended_by) == ("over", "reuse")
        assert not thief.call()
        assert thief.loot == (1, 1)


class TestThiefInTheWindow:
    def test_with_the_token_before(self, counter, victim, thief):
        victim.refresh()
        assert thief.refresh() == "access only"
        assert thief.call()
        assert victim.call()
        counter.wait()
        assert victim.refresh() == "new token"
        # Two generations on, his access token opens nothing.
        assert not thief.call()
        assert (thief.refresh(), counter.ended_by) == ("over", "reuse")
        assert thief.loot == (0, 1)

    def test_with_the_newest_token(self, counter, confirm, victim):
        victim.refresh()
        thief = victim.copied()
        assert thief.refresh() == "access only"
        assert thief.call()
        counter.wait()
        assert victim.refresh() == "new token"
        assert victim.call()
        counter.wait()
        again = thief.refresh()
        if confirm:
            assert (again, counter.ended_by) == ("over", "reuse")
            assert thief.loot == (0, 1)
        else:
            assert again == "new token"
            assert (victim.call(), victim.refresh()) == (False, "later")
            counter.wait()
            assert (victim.refresh(), counter.ended_by) == ("over", "reuse")
            assert thief.loot == (1, 2)


class TestIdleVictim:
    @pytest.mark.parametrize("rounds", [2, 20])
    def test_the_thief_goes_on_until_the_victim_returns(self, counter, victim, thief, rounds):
        for _ in range(rounds):
            assert thief.refresh() == "new token"
            assert thief.call()
            counter.wait()
        assert thief.loot == (rounds, rounds)
        assert (victim.refresh(), counter.ended_by) == ("over", "reuse")
        assert not thief.call()


class TestNoTheft:
    def test_too_many_lost_answers_accuse_nobody(self, counter, victim):
        for _ in range(RECOVERIES + 1):
            victim.ask()
            counter.wait()
        assert (victim.refresh(), counter.ended_by) == ("over", "recovery_limit")

    def test_a_late_answer_does_no_harm(self, counter, victim):
        """The story that ``test_alone.TestEcho`` finds in a rule without the half."""
        victim.refresh()
        counter.wait_half()
        late = victim.ask()
        assert late.refresh is None
        counter.wait()
        victim.refresh()
        victim.call()
        other_tab = victim.copied()
        victim.save(late)
        counter.wait()
        other_tab.refresh()
        assert (victim.refresh(), counter.ended_by) == ("access only", "")

    def test_owner_is_not_bound_by_the_limit_of_others(self, counter, victim):
        for _ in range(RECOVERIES_BY_OTHERS + 1):
            victim.ask()
            counter.wait()
        assert victim.refresh() == "new token"


class TestThiefWhoRetries:
    def test_gets_few_recoveries_from_elsewhere(self, counter, victim, thief):
        """The owner has refreshed, and no call of theirs is evidence of it."""
        victim.refresh()
        for _ in range(RECOVERIES_BY_OTHERS):
            counter.wait()
            assert thief.ask(thief.first).refresh
        counter.wait()
        assert (thief.refresh(), counter.ended_by) == ("over", "recovery_limit")
        assert thief.loot == (RECOVERIES_BY_OTHERS, RECOVERIES_BY_OTHERS)
