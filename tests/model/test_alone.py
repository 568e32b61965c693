"""An owner alone: whatever the network does to honest clients, nobody reports reuse."""

import pytest

from tests.model.broken import RotatesForSiblings, RotatesInTheOverlap
from tests.model.properties import accusation, lost_token, stuck
from tests.model.reference import Answer, Confirm, Rule
from tests.model.world import Saves, World

LIKE_OTHERS = Rule(overlap=0, early=0, recovery=False)

# A third of the overlap for early answers, and requests of less than a third. In thirds the search
# is quick; in sixths two early answers one after the other would show.
SIXTHS = {"rule": Rule(overlap=6, early=2), "slowest": 2}
RUSH = {"slowest": None, "rushes": True}


@pytest.fixture(params=[1, 2, 3], ids="{} under way".format)
def tabs(request):
    return request.param


@pytest.fixture(params=[True, False], ids=["companion", "no companion"])
def companion(request):
    return request.param


@pytest.fixture(params=Confirm, ids=lambda confirm: f"evidence after {confirm.value}")
def rule(request):
    return Rule(confirm=request.param)


@pytest.fixture(
    params=["steps_up", "opens", "ends", "crashes", "fails_over"], ids=lambda name: name
)
def incident(request):
    """Something that happens beside refreshes."""
    return {request.param: True}


class TestHonestClient:
    """It saves a refresh token when an answer has one, and requests are quick enough."""

    def test_accusation_requests_under_a_third_none(self, search, rule, companion, tabs):
        found = accusation(search(rule=rule, companion=companion, tabs=tabs))
        assert found is None, found

    def test_accusation_rushes_none(self, search, rule, companion, tabs):
        found = accusation(search(rule=rule, companion=companion, tabs=tabs, **RUSH))
        assert found is None, found

    def test_accusation_finer_clock_none(self, search, companion):
        found = accusation(search(companion=companion, **SIXTHS))
        assert found is None, found

    def test_accusation_with_incidents_none(self, search, incident, companion):
        found = accusation(search(companion=companion, **incident))
        assert found is None, found

    def test_accusation_crash_without_evidence_by_calls_none(self, search, companion):
        rule = Rule(confirm=Confirm.NEVER)
        found = accusation(search(rule=rule, companion=companion, crashes=True))
        assert found is None, found

    def test_session_end_lost_answers_only_by_their_limit(self, search, companion):
        rule = Rule(recoveries=3)
        graph = search(rule=rule, tabs=1, companion=companion)
        ended = graph.where(lambda world: world.family.revoked)
        assert all(graph.worlds[number].family.limit for number in ended)
        story = graph.story(ended[0])
        assert story.count("the answer with the newest token gets lost") == rule.recoveries + 1
        assert "arrives" not in story

    def test_way_on_from_everywhere_exists(self, search, rule, companion, tabs):
        found = stuck(search(rule=rule, companion=companion, tabs=tabs))
        assert found is None, found

    def test_way_on_after_incidents_exists(self, search, incident, companion):
        found = stuck(search(companion=companion, **incident))
        assert found is None, found

    def test_storage_never_holds_a_dead_token(self, search, rule, companion, tabs):
        for world in search(rule=rule, companion=companion, tabs=tabs).worlds:
            assert _is_usable(world.storage, world)


def _is_usable(token: int, world: World) -> bool:
    return token in {world.family.newest, world.family.redeemable}


class TestEarlyPart:
    """How long answers give the newest token back: what is left must hold two requests."""

    # Of eight ticks: how many are early, the longest request that accuses nobody.
    @pytest.mark.parametrize(("early", "slowest"), [(1, 3), (2, 3), (4, 2), (6, 1)])
    def test_accusation_early_part_and_two_requests_in_the_overlap_none(
        self, search, early, slowest
    ):
        rule = Rule(overlap=8, early=early)
        found = accusation(search(rule=rule, slowest=slowest, companion=True))
        assert found is None, found

    @pytest.mark.parametrize(("early", "slowest"), [(1, 4), (3, 3), (6, 2), (8, 1)])
    def test_accusation_early_part_and_two_requests_longer_found(self, search, early, slowest):
        rule = Rule(overlap=8, early=early)
        assert accusation(search(rule=rule, slowest=slowest, companion=True))

    def test_successor_that_arrives_late_is_followed_by_an_older_token(self, search):
        story = accusation(search(rule=Rule(overlap=3, early=2), companion=True))
        assert story is not None
        told = [line.partition(". ")[2] for line in story.splitlines()]
        # The winner's answer is lost, and the successor of the sibling comes later than it would.
        successor = "the server gets the token before: it gives the newest token, as to a sibling"
        assert successor in told
        assert told[-2:] == [
            "the server gets the newest token: it gives the next token",
            "the server gets an old token: it reports reuse and revokes the session",
        ]

    def test_accusation_without_companion_depends_on_half_the_overlap(self, search):
        half = Rule(overlap=5, early=3)
        assert accusation(search(rule=half, slowest=2)) is None
        assert accusation(search(rule=half, slowest=3))

    def test_accusation_one_request_at_a_time_of_any_length_none(self, search):
        assert accusation(search(tabs=1, slowest=None)) is None


class TestOtherClients:
    """What they save: ``answer.refresh ?? sent`` (typical), ``answer.refresh`` (naive)."""

    def test_accusation_typical_client_in_rushes_none(self, search, rule, companion, tabs):
        scene = {"rule": rule, "companion": companion, "tabs": tabs, "saves": Saves.TYPICAL}
        found = accusation(search(**scene, **RUSH))
        assert found is None, found

    def test_accusation_typical_client_refreshing_as_an_overlap_ends_found(
        self, search, companion
    ):
        story = accusation(search(companion=companion, saves=Saves.TYPICAL))
        assert story is not None
        assert story.splitlines()[-1].endswith(
            "the server gets an old token: it reports reuse and revokes the session"
        )

    def test_accusation_typical_client_that_crashes_in_a_rush_none(self, search):
        found = accusation(search(saves=Saves.TYPICAL, crashes=True, **RUSH))
        assert found is None, found

    def test_token_loss_naive_client_in_a_late_part_found(self, search):
        story = lost_token(search(companion=True, saves=Saves.NAIVE, **RUSH))
        assert story is not None
        assert "gives an access token" in story

    def test_token_loss_naive_client_with_early_answers_alone_none(self, search, tabs):
        rule = Rule(early=3)
        graph = search(rule=rule, companion=True, saves=Saves.NAIVE, tabs=tabs, **RUSH)
        assert lost_token(graph) is None
        assert accusation(graph) is None

    @pytest.mark.parametrize("saves", [Saves.TYPICAL, Saves.NAIVE])
    def test_one_request_at_a_time_accuses_nobody(self, search, companion, saves):
        assert accusation(search(companion=companion, saves=saves, tabs=1)) is None


class TestOpenedFamily:
    """Why a client sends nothing else while it opens a family."""

    def test_accusation_without_lock_and_companion_found(self, search):
        story = accusation(search(opens=True, locks=False))
        assert story is not None
        assert "the opened family is refreshed" in story

    def test_accusation_without_lock_with_companion_none(self, search):
        assert accusation(search(opens=True, locks=False, companion=True)) is None


class TestStepUp:
    """Why a re-authentication rotates only the newest token, and only outside of the overlap."""

    def test_rotation_in_the_overlap_accuses_a_slow_tab(self, search):
        assert accusation(search(rule=RotatesInTheOverlap(), steps_up=True))

    def test_rotation_for_a_sibling_accuses_one_that_lost_an_answer(self, search):
        story = accusation(search(rule=RotatesForSiblings(), steps_up=True))
        assert story is not None
        assert story.count("gets lost") == 1
        assert "sends the re-authentication with the token before" in story


class TestCrash:
    """Why calls are evidence only of what a crash cannot take away any more."""

    def test_accusation_evidence_at_once_found(self, search, companion):
        rule = Rule(confirm=Confirm.AT_ONCE)
        story = accusation(search(rule=rule, crashes=True, companion=companion))
        assert story is not None
        assert "the client crashes and loses what it stored last" in story


class TestPriceOfStrictness:
    """``ROTATION_OVERLAP = 0`` and ``LOST_RESPONSE_RECOVERY = False``, as others have it."""

    def test_accusation_one_lost_answer_found(self, search):
        story = accusation(search(rule=LIKE_OTHERS, tabs=1))
        assert story is not None
        assert story.count("gets lost") == 1

    def test_accusation_two_tabs_found(self, search):
        story = accusation(search(rule=LIKE_OTHERS, tabs=2))
        assert story is not None
        assert "gets lost" not in story

    def test_answers_known_to_the_rule_are_all_reached(self, search):
        """The search would prove nothing of what no story comes to."""
        graph = search(companion=True, fails_over=True)
        told = " ".join(event.text for edges in graph.edges for event, _ in edges)
        never = {Answer.REUSED, Answer.REVOKED, Answer.REFUSED}
        for answer in set(Answer) - never:
            assert answer.value in told, answer
