"""A victim alone: whatever the network does to honest clients, nobody calls them thieves."""

import pytest

from tests.model.broken import RotatesForSiblings, RotatesInTheOverlap
from tests.model.properties import accusation
from tests.model.reference import RECOVERIES, Answer, Echo, Rule
from tests.model.world import Pace, World

LIKE_OTHERS = Rule(overlap=False, recovery=False)


@pytest.fixture(params=[1, 2, 3, 4], ids="{} under way".format)
def tabs(request):
    return request.param


@pytest.fixture(params=[1, 2, 3], ids="{} under way".format)
def few_tabs(request):
    return request.param


@pytest.fixture(params=[True, False], ids=["evidence", "no evidence"])
def rule(request):
    return Rule(confirm=request.param)


class TestHonestClient:
    """It saves a refresh token when an answer has one, and requests are quick enough."""

    @pytest.mark.parametrize("pace", [Pace.HALF, Pace.RUSHES])
    def test_is_never_accused(self, search, rule, tabs, pace):
        found = accusation(search(rule=rule, tabs=tabs, pace=pace))
        assert found is None, found

    @pytest.mark.parametrize("pace", [Pace.HALF, Pace.RUSHES])
    def test_nor_when_it_steps_up_at_any_time(self, search, rule, few_tabs, pace):
        found = accusation(search(rule=rule, tabs=few_tabs, pace=pace, steps_up=True))
        assert found is None, found

    def test_is_signed_out_by_nothing_but_nine_lost_answers_in_a_row(self, search):
        graph = search(tabs=1)
        assert {world.family.ended_by for world in graph.worlds} == {None, Answer.RECOVERY_LIMIT}
        ended = graph.where(lambda world: world.family.ended_by is not None)
        story = graph.story(ended[0])
        assert story.count("the answer with the newest token gets lost") == RECOVERIES + 1
        assert "arrives" not in story

    def test_can_always_go_on(self, search, rule, tabs):
        graph = search(rule=rule, tabs=tabs)
        stuck = graph.where(lambda world: not _at_the_limit(world))
        on_its_feet = graph.where(lambda world: world.storage == world.family.newest)
        assert set(stuck) <= graph.reaching(on_its_feet)

    def test_can_always_go_on_after_a_step_up(self, search, rule, few_tabs):
        graph = search(rule=rule, tabs=few_tabs, steps_up=True)
        stuck = graph.where(lambda world: not _at_the_limit(world))
        on_its_feet = graph.where(lambda world: world.storage == world.family.newest)
        assert set(stuck) <= graph.reaching(on_its_feet)

    def test_never_stores_a_token_that_is_dead(self, search, rule, tabs):
        for world in search(rule=rule, tabs=tabs).worlds:
            assert world.storage in {world.family.newest, world.family.redeemable}


def _at_the_limit(world: World) -> bool:
    return world.family.newest - (world.family.redeemable or 1) > RECOVERIES


class TestSlowRequests:
    """Why the overlap has to be twice what the slowest request takes."""

    def test_longer_than_half_the_overlap(self, search):
        assert accusation(search(pace=Pace.WHOLE)) == (
            "  1. a tab sends the newest token\n"
            "  2. the server gets the newest token: it gives the next token\n"
            # Slow: the second tab still reads the old token from the storage.
            "  3. a tab sends the token before\n"
            "  4. the answer with the newest token arrives\n"
            "  5. the client calls the API\n"
            # Slow again.
            "  6. the overlap passes\n"
            "  7. the server gets the token before: it cries theft and ends the session"
        )

    def test_longer_than_the_overlap(self, search):
        assert accusation(search(pace=Pace.ANY))

    def test_one_at_a_time_may_take_as_long_as_it_likes(self, search):
        assert accusation(search(tabs=1, pace=Pace.ANY)) is None


class TestClientThatWritesOldTokensBack:
    """``save(answer.refresh ?? theOneISent)``."""

    def test_is_accused_where_delivery_is_confirmed(self, search):
        story = accusation(search(writes_back=True, pace=Pace.RUSHES))
        assert story is not None
        assert story.splitlines()[4:] == [
            "  5. the answer with the newest token arrives",
            "  6. the answer without a refresh token arrives",
            "  7. the client calls the API",
            "  8. the overlap passes",
            "  9. a tab sends the token before",
            " 10. the server gets the token before: it cries theft and ends the session",
        ]

    def test_is_not_where_it_is_not(self, search, tabs):
        rule = Rule(confirm=False)
        found = accusation(search(rule=rule, writes_back=True, tabs=tabs, pace=Pace.RUSHES))
        assert found is None, found

    def test_is_accused_if_its_tabs_refresh_just_when_an_overlap_ends(self, search):
        """The promise to such clients is for rushes: access tokens run out for all tabs at once.

        Two requests with different tokens, both sent inside the overlap and handled after it.
        """
        story = accusation(search(rule=Rule(confirm=False), writes_back=True))
        assert story is not None
        assert story.splitlines()[-3:] == [
            "  9. the overlap passes",
            " 10. the server gets the newest token: it gives the next token",
            " 11. the server gets an old token: it cries theft and ends the session",
        ]


class TestEcho:
    """Why the newest token is sent back in the first half of the overlap only."""

    def test_an_echo_that_comes_late_overwrites_a_newer_token(self, search):
        story = accusation(search(rule=Rule(echo=Echo.ALWAYS)))
        assert story == (
            "  1. a tab sends the newest token\n"
            "  2. the server gets the newest token: it gives the next token\n"
            "  3. the answer with the newest token arrives\n"
            "  4. a tab sends the newest token\n"
            "  5. a tab sends the newest token\n"
            # The echo sets out.
            "  6. the server gets the newest token: it gives an access token\n"
            "  7. the overlap passes\n"
            "  8. the server gets the newest token: it gives the next token\n"
            "  9. the answer with the newest token arrives\n"
            # The echo arrives, and is saved as every refresh token is.
            " 10. the answer with the token before arrives\n"
            " 11. a tab sends the token before\n"
            " 12. the client calls the API\n"
            " 13. the overlap passes\n"
            " 14. the server gets the token before: it cries theft and ends the session"
        )

    def test_rushes_do_not_show_it(self, search, tabs):
        assert accusation(search(rule=Rule(echo=Echo.ALWAYS), tabs=tabs, pace=Pace.RUSHES)) is None


class TestStepUp:
    """Why a step-up rotates only the newest token, and only outside of the overlap."""

    def test_in_the_overlap_it_would_make_a_thief_of_a_slow_tab(self, search):
        assert accusation(search(rule=RotatesInTheOverlap(), steps_up=True)) == (
            "  1. a tab sends the newest token\n"
            "  2. a tab sends the newest token\n"
            "  3. the server gets the newest token: it gives the next token\n"
            "  4. the answer with the newest token arrives\n"
            "  5. a tab steps up, having the newest token\n"
            "  6. the server gets the newest token: it gives the next token\n"
            "  7. the server gets an old token: it cries theft and ends the session"
        )

    def test_and_of_one_to_which_the_newest_token_is_sent_back_late(self, search):
        rule = RotatesInTheOverlap()
        graph = search(rule=rule, steps_up=True)
        overwritten = graph.where(
            lambda world: world.storage != world.family.newest and world.family.delivered
        )
        assert overwritten

    def test_for_a_sibling_it_would_make_a_thief_of_one_that_lost_an_answer(self, search):
        story = accusation(search(rule=RotatesForSiblings(), steps_up=True))
        assert story is not None
        assert story.count("gets lost") == 1
        assert "steps up, having the token before" in story


class TestPriceOfStrictness:
    """``ROTATION_OVERLAP = 0`` and ``LOST_RESPONSE_RECOVERY = False``, as others have it."""

    def test_one_lost_answer(self, search):
        story = accusation(search(rule=LIKE_OTHERS, tabs=1))
        assert story is not None
        assert story.count("gets lost") == 1

    def test_two_tabs(self, search):
        story = accusation(search(rule=LIKE_OTHERS, tabs=2))
        assert story is not None
        assert "gets lost" not in story
