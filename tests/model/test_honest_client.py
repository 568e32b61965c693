"""Scenarios without an attacker: no order of events makes an honest client report reuse."""

import pytest

from tests.model.faulty_rules import RotatesForSiblings, RotatesInTheOverlap
from tests.model.properties import lost_token, reported_reuse, unreachable_newest_token
from tests.model.reference import Answer, Confirm, Rule
from tests.model.state import Saves, State

LIKE_OTHERS = Rule(overlap=0, early=0, recovery=False)

# Answers repeat the newest token in the first third of the overlap, and requests take less than a
# third. Thirds keep the search short; sixths also cover two early answers in a row.
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
    """Events other than refreshes."""
    return {request.param: True}


class TestHonestClient:
    """The client stores a refresh token if the response has one, and requests are short enough."""

    def test_honest_client_short_requests_never_reports_reuse(self, search, rule, companion, tabs):
        found = reported_reuse(search(rule=rule, companion=companion, tabs=tabs))
        assert found is None, found

    def test_honest_client_idle_at_end_of_overlap_never_reports_reuse(
        self, search, rule, companion, tabs
    ):
        found = reported_reuse(search(rule=rule, companion=companion, tabs=tabs, **RUSH))
        assert found is None, found

    def test_honest_client_finer_clock_never_reports_reuse(self, search, companion):
        found = reported_reuse(search(companion=companion, **SIXTHS))
        assert found is None, found

    def test_honest_client_with_incident_never_reports_reuse(self, search, incident, companion):
        found = reported_reuse(search(companion=companion, **incident))
        assert found is None, found

    def test_honest_client_crash_without_evidence_never_reports_reuse(self, search, companion):
        rule = Rule(confirm=Confirm.NEVER)
        found = reported_reuse(search(rule=rule, companion=companion, crashes=True))
        assert found is None, found

    def test_honest_client_lost_answers_revoke_only_at_recovery_limit(self, search, companion):
        rule = Rule(recoveries=3)
        graph = search(rule=rule, tabs=1, companion=companion)
        ended = graph.where(lambda state: state.family.revoked)
        assert all(graph.states[number].family.limit_reached for number in ended)
        story = graph.story(ended[0])
        assert story.count("the answer with the newest token gets lost") == rule.recoveries + 1
        assert "arrives" not in story

    def test_honest_client_any_state_can_reach_newest_token(self, search, rule, companion, tabs):
        found = unreachable_newest_token(search(rule=rule, companion=companion, tabs=tabs))
        assert found is None, found

    def test_honest_client_after_incident_can_reach_newest_token(
        self, search, incident, companion
    ):
        found = unreachable_newest_token(search(companion=companion, **incident))
        assert found is None, found

    def test_honest_client_storage_holds_usable_token(self, search, rule, companion, tabs):
        for state in search(rule=rule, companion=companion, tabs=tabs).states:
            assert _is_usable(state.storage, state)


def _is_usable(token: int, state: State) -> bool:
    return token in {state.family.newest, state.family.redeemable}


class TestEarlyAnswers:
    """How long answers may repeat the newest token: the rest must be longer than two requests."""

    # Of eight ticks: the early ones, and the longest request that never causes a false report.
    @pytest.mark.parametrize(("early", "slowest"), [(1, 3), (2, 3), (4, 2), (6, 1)])
    def test_early_answers_two_requests_within_rest_never_report_reuse(
        self, search, early, slowest
    ):
        rule = Rule(overlap=8, early=early)
        found = reported_reuse(search(rule=rule, slowest=slowest, companion=True))
        assert found is None, found

    @pytest.mark.parametrize(("early", "slowest"), [(1, 4), (3, 3), (6, 2), (8, 1)])
    def test_early_answers_two_requests_beyond_rest_report_reuse(self, search, early, slowest):
        rule = Rule(overlap=8, early=early)
        assert reported_reuse(search(rule=rule, slowest=slowest, companion=True))

    def test_early_answers_late_successor_overwrites_newer_token(self, search):
        story = reported_reuse(search(rule=Rule(overlap=3, early=2), companion=True))
        assert story is not None
        text = [line.partition(". ")[2] for line in story.splitlines()]
        # The first answer is lost, and the successor for the sibling arrives late.
        successor = "the server gets the token before: it gives the newest token, as to a sibling"
        assert successor in text
        assert text[-2:] == [
            "the server gets the newest token: it gives the next token",
            "the server gets an old token: it reports reuse and revokes the session",
        ]

    def test_early_answers_without_companion_fail_beyond_half_of_overlap(self, search):
        half = Rule(overlap=5, early=3)
        assert reported_reuse(search(rule=half, slowest=2)) is None
        assert reported_reuse(search(rule=half, slowest=3))

    def test_single_request_of_any_length_never_reports_reuse(self, search):
        assert reported_reuse(search(tabs=1, slowest=None)) is None


class TestOtherClients:
    """Clients that store ``answer.refresh ?? sent`` (typical) or ``answer.refresh`` (naive)."""

    def test_typical_client_idle_at_end_of_overlap_never_reports_reuse(
        self, search, rule, companion, tabs
    ):
        scenario = {"rule": rule, "companion": companion, "tabs": tabs, "saves": Saves.TYPICAL}
        found = reported_reuse(search(**scenario, **RUSH))
        assert found is None, found

    def test_typical_client_request_at_end_of_overlap_reports_reuse(self, search, companion):
        story = reported_reuse(search(companion=companion, saves=Saves.TYPICAL))
        assert story is not None
        assert story.splitlines()[-1].endswith(
            "the server gets an old token: it reports reuse and revokes the session"
        )

    def test_typical_client_crash_idle_at_end_of_overlap_never_reports_reuse(self, search):
        found = reported_reuse(search(saves=Saves.TYPICAL, crashes=True, **RUSH))
        assert found is None, found

    def test_naive_client_late_answer_loses_token(self, search):
        story = lost_token(search(companion=True, saves=Saves.NAIVE, **RUSH))
        assert story is not None
        assert "gives an access token" in story

    def test_naive_client_early_answers_only_keeps_token(self, search, tabs):
        rule = Rule(early=3)
        graph = search(rule=rule, companion=True, saves=Saves.NAIVE, tabs=tabs, **RUSH)
        assert lost_token(graph) is None
        assert reported_reuse(graph) is None

    @pytest.mark.parametrize("saves", [Saves.TYPICAL, Saves.NAIVE])
    def test_single_request_of_other_client_never_reports_reuse(self, search, companion, saves):
        assert reported_reuse(search(companion=companion, saves=saves, tabs=1)) is None


class TestOpenedFamily:
    """Why a client sends no other request while it opens a family."""

    def test_open_family_without_lock_or_companion_reports_reuse(self, search):
        story = reported_reuse(search(opens=True, locks=False))
        assert story is not None
        assert "the opened family is refreshed" in story

    def test_open_family_without_lock_with_companion_never_reports_reuse(self, search):
        assert reported_reuse(search(opens=True, locks=False, companion=True)) is None


class TestStepUp:
    """Why a re-authentication rotates only the newest token, and only outside of the overlap."""

    def test_step_up_rotation_within_overlap_reports_reuse_of_slow_tab(self, search):
        assert reported_reuse(search(rule=RotatesInTheOverlap(), steps_up=True))

    def test_step_up_rotation_for_sibling_reports_reuse_after_lost_answer(self, search):
        story = reported_reuse(search(rule=RotatesForSiblings(), steps_up=True))
        assert story is not None
        assert story.count("gets lost") == 1
        assert "sends the re-authentication with the token before" in story


class TestCrash:
    """Why a call is evidence only after the time in which a crash can lose the token."""

    def test_crash_with_immediate_evidence_reports_reuse(self, search, companion):
        rule = Rule(confirm=Confirm.AT_ONCE)
        story = reported_reuse(search(rule=rule, crashes=True, companion=companion))
        assert story is not None
        assert "the client crashes and loses what it stored last" in story


class TestPriceOfStrictness:
    """``ROTATION_OVERLAP = 0`` and ``LOST_RESPONSE_RECOVERY = False``, as in other servers."""

    def test_strict_rotation_one_lost_answer_reports_reuse(self, search):
        story = reported_reuse(search(rule=LIKE_OTHERS, tabs=1))
        assert story is not None
        assert story.count("gets lost") == 1

    def test_strict_rotation_two_tabs_report_reuse(self, search):
        story = reported_reuse(search(rule=LIKE_OTHERS, tabs=2))
        assert story is not None
        assert "gets lost" not in story

    def test_search_reaches_every_answer_of_rule(self, search):
        """Otherwise the search would not cover the missing answers."""
        graph = search(companion=True, fails_over=True)
        text = " ".join(event.text for edges in graph.edges for event, _ in edges)
        never = {Answer.REUSED, Answer.REVOKED, Answer.REFUSED}
        for answer in set(Answer) - never:
            assert answer.value in text, answer
